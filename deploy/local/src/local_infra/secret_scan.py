"""``python -m local_infra.secret_scan``: no password, token or key in the tree without a decision.

Detect-secrets finds; what is meant to be there (examples, hashes, passwords of local databases) is
kept in ``.ci/accepted-secrets.tsv`` by file and hash. ``--accept`` writes it anew, for a reviewer
to see in the change.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings

ACCEPTED = Path(".ci/accepted-secrets.tsv")
CACHE = Path(".ltc/secret-scan.json")
"""Results of an earlier scan, by name and content of the file. The scan of the whole tree takes
twenty seconds of CPU, and few files change between two of them."""
PROCESSES = 2
UNWANTED_FILTERS = (
    "allowlist.is_line_allowlisted",  # what is accepted stands in one place, not in remarks
    "heuristic.is_lock_file",  # an address in a lock may hold a password
    "heuristic.is_non_text_file",  # by their names locks and drawings are none
)


PUBLIC_HASHES = (
    r'^\s*"integrity": "sha512-[A-Za-z0-9+/]{86}==",?$',
    r"^(\s*--hash=|[\w.:-]+ )sha256:[0-9a-f]{64}( \\)?$",
    r'^  "hash": "[0-9a-f]{16}",$',
)
"""Lines of the locks of npm, pip and Maven: each package's hash, as public as its name. The last
one: the hash of the paths of a guarantee group in tests/proofs.json."""


class Finding(NamedTuple):
    """What looks like a secret. Its line is no part of it, so that files may be edited."""

    file: str
    kind: str
    hash: str


Seen = list[tuple[str, str, int]]
"""Of one file: kind, hash and line of each finding."""


def find(root: Path, files: Sequence[str]) -> dict[Finding, int]:
    """The findings in these files, with the first line of each."""
    known = _read_cache(root)
    keys = {file: _key(root, file) for file in files}
    changed = [file for file in files if keys[file] not in known]
    shares = [share for n in range(PROCESSES) if (share := changed[n::PROCESSES])]
    if shares:
        with ProcessPoolExecutor(PROCESSES) as pool:
            for scanned in pool.map(_scan, repeat(root), shares):
                known |= {keys[file]: seen for file, seen in scanned.items()}
    _write_cache(root, {key: known[key] for key in keys.values()})
    found: dict[Finding, int] = {}
    for file in files:
        for kind, digest, line in known[keys[file]]:
            finding = Finding(file, kind, digest)
            found[finding] = min(line, found.get(finding, line))
    return found


def _key(root: Path, file: str) -> str:
    return hashlib.sha256(file.encode() + b"\0" + (root / file).read_bytes()).hexdigest()


def _rules() -> str:
    """What a result depends on beside the file: the scanner's version and this module."""
    return f"{version('detect-secrets')} {hashlib.sha256(Path(__file__).read_bytes()).hexdigest()}"


def _read_cache(root: Path) -> dict[str, Seen]:
    try:
        kept = json.loads((root / CACHE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    files: dict[str, Seen] = kept["files"] if kept.get("rules") == _rules() else {}
    return files


def _write_cache(root: Path, files: dict[str, Seen]) -> None:
    (root / CACHE).parent.mkdir(exist_ok=True)
    part = (root / CACHE).with_suffix(".part")
    part.write_text(json.dumps({"rules": _rules(), "files": files}), encoding="utf-8")
    part.replace(root / CACHE)


def _scan(root: Path, files: Sequence[str]) -> dict[str, Seen]:
    """One process's share. Detect-secrets' own processes forget which filters are off."""
    with default_settings() as settings:
        for unwanted in UNWANTED_FILTERS:
            del settings.filters[f"detect_secrets.filters.{unwanted}"]
        excluding = {"pattern": list(PUBLIC_HASHES)}
        settings.filters["detect_secrets.filters.regex.should_exclude_line"] = excluding
        return {
            file: [
                (secret.type, secret.secret_hash, secret.line_number)
                for secret in scan_file(str(root / file))
            ]
            for file in files
        }


def files_of(root: Path) -> list[str]:
    """What is in the repository, or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    ).stdout.decode()
    names = set(listed.split("\0")) - {"", str(ACCEPTED), str(CACHE)}
    return sorted(name for name in names if (root / name).is_file())


def read_accepted(root: Path) -> set[Finding]:
    lines = (root / ACCEPTED).read_text(encoding="utf-8").splitlines()
    return {Finding(*line.split("\t")) for line in lines}


def write_accepted(root: Path, findings: Iterable[Finding]) -> None:
    text = "".join("\t".join(finding) + "\n" for finding in sorted(findings))
    (root / ACCEPTED).write_text(text, encoding="utf-8")


def complaints(root: Path) -> list[str]:
    """One sentence for each finding that is not accepted, and for each acceptance without one."""
    found, accepted = find(root, files_of(root)), read_accepted(root)
    new = [f"{f.file}:{line}: {f.kind}" for f, line in sorted(found.items()) if f not in accepted]
    gone = [f"{f.file}: accepted {f.kind}, is gone" for f in sorted(accepted - found.keys())]
    return new + gone


def main() -> None:
    parser = argparse.ArgumentParser(prog="secret_scan", description=__doc__)
    parser.add_argument("--accept", action="store_true", help="accept all that is found now")
    root = Path.cwd()
    if parser.parse_args().accept:
        write_accepted(root, find(root, files_of(root)))
    wrong = complaints(root)
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    if wrong:
        sys.exit(
            "Take secrets out of the tree, and change them: whoever has the repository has them."
            f" What is none: `python -m local_infra.secret_scan --accept` and commit {ACCEPTED}."
        )


if __name__ == "__main__":
    main()
