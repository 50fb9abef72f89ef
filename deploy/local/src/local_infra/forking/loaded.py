"""What a fork server has imported, and which starts it may therefore serve by fork.

A forked program must behave as one started by exec. It cannot when it needs another interpreter,
another version of a module that is already imported, or other values of variables that were read
when modules were imported. It must not when a source file has changed since.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import sysconfig
import time
import traceback
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import all_suffixes
from pathlib import Path

from local_infra.forking.protocol import Start

READ_BY_THE_SYSTEM = ("PYTHON", "LD_", "MALLOC_", "GLIBC_", "LC_", "LANG")
"""Prefixes of variables that the interpreter and the C library read before any of our code."""
PATH = "PYTHONPATH"
TICK_NS = 20_000_000
"""How much older than the clock the time of a file may be that was written just now."""

Stamp = tuple[int, int]


class Loaded:
    """The modules of this process, the variables that their imports read, and their sources."""

    def __init__(self, modules: Sequence[str]) -> None:
        """Import the modules. One that cannot be imported is left to the programs that need it:
        they fail with its traceback in their own log."""
        self._began_ns = time.time_ns() - TICK_NS
        self._environment = dict(os.environ)
        gc.disable()
        with _recorded_reads() as self.read:
            for module in modules:
                try:
                    importlib.import_module(module)
                except Exception:
                    traceback.print_exc()
        gc.enable()
        self._origins = dict(_origins())
        self._stamps = {path: _stamp(path) for path in _watched()}
        # Objects that the collector never visits keep their pages shared with all children.
        gc.collect()
        gc.freeze()

    def changed(self) -> str | None:
        """The first file that is not as it was imported. None when all are."""
        for path, noted in self._stamps.items():
            now = _stamp(path)
            # What was written while we imported may be older or newer than what we have.
            if now != noted or (now is not None and now[0] >= self._began_ns):
                return path
        return None

    def refusal(self, start: Start) -> str | None:
        """Why a program must be started by exec. None when it can be forked."""
        command = start.command
        if len(command) < 3 or command[0] != sys.executable or command[1] != "-m":
            return f"{command} is no module of {sys.executable}"
        for name in sorted(self._compared(start.environment)):
            if start.environment.get(name) != self._environment.get(name):
                return f"{name} differs, and has been read already"
        return self._shadowed(start)

    def _compared(self, environment: Mapping[str, str]) -> set[str]:
        """The variables that must have the values which they have here."""
        names = {*environment, *self._environment}
        return self.read | {n for n in names if n.startswith(READ_BY_THE_SYSTEM) and n != PATH}

    def _shadowed(self, start: Start) -> str | None:
        """Whether a folder of the program's path holds another version of an imported module."""
        ours, wanted = search_path(self._environment), search_path(start.environment)
        if ours != wanted[len(wanted) - len(ours) :]:
            return f"{PATH} leaves out folders that were imported from"
        for folder in (start.folder, *wanted):
            if not Path(folder).is_absolute():
                return f"{PATH} names a relative folder"
            for name in self._origins.keys() & _modules_in(folder):
                if not Path(self._origins[name]).is_relative_to(os.path.realpath(folder)):
                    return f"{folder} has another {name}"
        return None


def search_path(environment: Mapping[str, str]) -> list[str]:
    """The folders of PYTHONPATH."""
    return [folder for folder in environment.get(PATH, "").split(os.pathsep) if folder]


@contextmanager
def _recorded_reads() -> Iterator[set[str]]:
    """The names of the variables that are read meanwhile. A copy of the whole environment does not
    count: the standard library makes one for CGI."""
    plain, environ = dict(os.environ), os.environ
    read: set[str] = set()

    class Recorded(type(environ)):  # type: ignore[misc]
        def __getitem__(self, name: str) -> str:
            read.add(name)
            value: str = super().__getitem__(name)
            return value

        def items(self) -> ItemsView[str, str]:
            return plain.items()

    usual = type(environ)
    environ.__class__ = Recorded
    try:
        yield read
    finally:
        environ.__class__ = usual


def _origins() -> Iterator[tuple[str, str]]:
    """The top-level modules from files, each with its real path."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and "." not in name and name != "__main__":
            yield name, os.path.realpath(file)


def _modules_in(folder: str) -> Iterable[str]:
    """The names of modules that an import would take from a folder."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir():
            if any((Path(entry) / f"__init__{suffix}").exists() for suffix in all_suffixes()):
                yield entry.name
        else:
            for suffix in all_suffixes():
                if entry.name.endswith(suffix):
                    yield entry.name.removesuffix(suffix)


def _watched() -> Iterator[str]:
    """The source files of the workspace, and the folders of installed packages: those change when
    a package is installed or replaced."""
    paths = sysconfig.get_paths()
    installed = {paths["purelib"], paths["platlib"]}
    yield from sorted(installed)
    libraries = (*installed, paths["stdlib"], paths["platstdlib"])
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and not file.startswith(libraries):
            yield file


def _stamp(path: str) -> Stamp | None:
    """When a file was written and how long it is. None when there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
