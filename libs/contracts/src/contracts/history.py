"""The contracts as they were: read from git, never checked out."""

from __future__ import annotations

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

MAIN_BRANCHES = ("origin/main", "main")


def bases(package: Path) -> list[str]:
    """The commits to be compared with: the one this work started from, and, where the work is on
    the main branch itself, the one before it. None in a tree without history."""
    for branch in MAIN_BRANCHES:
        found = git(package, "merge-base", "HEAD", branch)
        if found:
            base = found.strip()
            head = (git(package, "rev-parse", "HEAD") or "").strip()
            before = git(package, "rev-parse", "--verify", "--quiet", "HEAD^1")
            return [base, before.strip()] if base == head and before else [base]
    return []


def known_revision(package: Path, revision: str) -> bool:
    return git(package, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") is not None


def files_at(package: Path, revision: str, folder: Path) -> dict[str, str]:
    """The JSON files of a folder as they were, by name without ending."""
    done = subprocess.run(
        ["git", "archive", "--format=tar", revision, folder.as_posix()],
        cwd=package,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        return {}
    found = {}
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".json") else None
            if file is not None:
                found[Path(member.name).stem] = file.read().decode()
    return found


def last_seen(package: Path, revision: str, file: Path) -> str | None:
    """A file's text just before it was last removed, up to a revision; none if it never was."""
    removed = git(
        package, "log", "-1", "--format=%H", "--diff-filter=D", revision, "--", file.as_posix()
    )
    commit = (removed or "").strip()
    return git(package, "show", f"{commit}^:./{file.as_posix()}") if commit else None


def git(package: Path, *arguments: str) -> str | None:
    """What git answers, run in the package's folder; none when it refuses."""
    done = subprocess.run(
        ["git", *arguments], cwd=package, capture_output=True, check=False, encoding="utf-8"
    )
    return done.stdout if done.returncode == 0 else None
