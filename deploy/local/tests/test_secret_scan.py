"""The secret scan fails `make check` on a new secret and accepts recorded ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from local_infra.secret_scan import ACCEPTED, CACHE, complaints, files_of, find, write_accepted

AWS = "AKIA" + "QYLPMN5HHHFPZAM2"
PLANTED = {
    "key.pem": "-----BEGIN " + "PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n",
    "settings.py": f'access = "{AWS}"\n',
    "values.yaml": "password: " + "c0rrect-h0rse-battery" + "\n",
    "notes.md": "postgresql://ltc:" + "s3cr3tw0rd" + "@db.example/ltc\n",
    "package-lock.json": '"x": "https://me:' + "t0k3nt0k3n" + '@files.example/x.tgz",\n',
    "requirements.lock": "x @ https://me:" + "t0k3nt0k3n" + "@files.example/x.whl\n",
}


def tree(folder: Path, **files: str) -> Path:
    """A repository with these files, one of them not added yet."""
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / ".ci").mkdir()
    (folder / "main.py").write_text('print("hello")\n')
    for name, text in files.items():
        (folder / name).write_text(text)
    write_accepted(folder, [])
    subprocess.run(["git", "-C", str(folder), "add", "main.py"], check=True)
    return folder


@pytest.mark.parametrize("name", PLANTED)
def test_secret_scan_names_the_line_of_a_secret(tmp_path: Path, name: str) -> None:
    root = tree(tmp_path, **{name: "\n" + PLANTED[name]})

    [found] = complaints(root)

    assert found.startswith(f"{name}:2: ")


def test_secret_scan_ignores_comments_that_ask_for_acceptance(tmp_path: Path) -> None:
    remark = "  # pragma: allowlist " + "secret\n"
    root = tree(tmp_path, **{"settings.py": PLANTED["settings.py"].rstrip() + remark})

    assert len(complaints(root)) == 1


def test_secret_scan_acceptance_covers_moved_but_not_changed_secrets(
    tmp_path: Path,
) -> None:
    root = tree(tmp_path, **{"settings.py": PLANTED["settings.py"]})
    write_accepted(root, find(root, files_of(root)))
    assert complaints(root) == []

    (root / "settings.py").write_text("# moved\n" + PLANTED["settings.py"])
    assert complaints(root) == []

    (root / "settings.py").write_text(f'access = "{AWS[:-1]}3"\n')
    assert len(complaints(root)) == 2, "the new one, and the old one that is gone"

    (root / "settings.py").unlink()
    [gone] = complaints(root)
    assert "is gone" in gone


def test_secret_scan_exits_with_1_and_advice(tmp_path: Path) -> None:
    root = tree(tmp_path, **{"key.pem": PLANTED["key.pem"]})

    ended = subprocess.run(
        [sys.executable, "-m", "local_infra.secret_scan"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "key.pem:1: Private Key" in ended.stderr
    assert str(ACCEPTED) in ended.stderr


def test_secret_scan_reads_an_unchanged_file_once_and_a_changed_one_again(tmp_path: Path) -> None:
    root = tree(tmp_path, **{"settings.py": PLANTED["settings.py"]})
    before = find(root, ["main.py", "settings.py"])
    kept = (root / CACHE).read_text()

    assert find(root, ["main.py", "settings.py"]) == before
    assert (root / CACHE).read_text() == kept
    (root / "main.py").write_text(PLANTED["settings.py"])
    assert {finding.file for finding in find(root, ["main.py", "settings.py"])} == {
        "main.py",
        "settings.py",
    }


def test_secret_scan_trusts_no_cache_of_another_version(tmp_path: Path) -> None:
    root = tree(tmp_path, **{"settings.py": PLANTED["settings.py"]})
    found = find(root, ["settings.py"])
    kept = json.loads((root / CACHE).read_text())
    kept["files"] = {key: [] for key in kept["files"]}
    (root / CACHE).write_text(json.dumps(kept))
    assert find(root, ["settings.py"]) == {}  # the cache is what answers

    (root / CACHE).write_text(json.dumps(kept | {"rules": "of another version"}))

    assert find(root, ["settings.py"]) == found


def test_secret_scan_accepts_the_record_of_a_proof(tmp_path: Path) -> None:
    record = '{\n "faults 1/5": {\n  "hash": "' + "c2dafcd5c247" + 'ce9a",\n  "passed": 2\n }\n}\n'
    root = tree(tmp_path, **{"proofs.json": record})

    assert complaints(root) == []
