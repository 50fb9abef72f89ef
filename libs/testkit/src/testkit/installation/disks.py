"""Small file systems that a test fills: a tmpfs for each folder. Only root can mount them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOMY = "4g"
TRIES = 50


def mount(disks: Iterable[Path]) -> str | None:
    """Mount an empty file system on each folder. Returns why that is not permitted, else `None`."""
    for disk in disks:
        disk.mkdir(parents=True, exist_ok=True)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "tmpfs", str(disk)],
            capture_output=True,
            text=True,
            check=False,
        )
        if mounted.returncode:
            return f"mounting a tmpfs is not permitted here: {mounted.stderr.strip()}"
    return None


def fill(disk: Path) -> None:
    """Leave no room on a disk."""
    for _ in range(TRIES):
        used = shutil.disk_usage(disk).used // 1024
        if _resize(disk, f"{used + 64}k") == 0:  # fails when more was written meanwhile
            return
    raise AssertionError(f"{disk} could not be filled")


def make_room(disk: Path) -> None:
    assert _resize(disk, ROOMY) == 0, f"{disk} could not be enlarged"


def _resize(disk: Path, size: str) -> int:
    done = subprocess.run(
        ["mount", "-o", f"remount,size={size}", str(disk)], capture_output=True, check=False
    )
    return done.returncode


def unmount(home: Path) -> None:
    """Unmount every file system below a folder."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in mounts:
        if mount.startswith(f"{home}/"):
            subprocess.run(["umount", "-l", mount], check=False)
