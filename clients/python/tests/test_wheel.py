"""The package as its wheel: it needs the contracts and libraries only."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OURS = (ROOT / "libs" / "contracts", ROOT / "clients" / "python")
PLATFORM = ("chassis", "hub", "console", "ltc", "local_infra", "deal_svc", "billing_svc")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("wheels")
    for package in OURS:
        command = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation")
        built = subprocess.run(
            [*command, "-w", folder, package], capture_output=True, text=True, check=False
        )
        assert built.returncode == 0, built.stderr
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def python(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with the two wheels and the third parties that they ask for."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    command = (python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", *wheels)
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr
    return python


def third_parties(*names: str) -> str:
    """Put libraries of this environment into reach, one by one: nothing of the platform."""
    here = Path(pytest.__file__).parents[1]
    return f"""
import importlib.util, sys
class Only:
    def find_spec(self, name, path=None, target=None):
        if path is None and name.partition(".")[0] in {names!r}:
            from importlib.machinery import PathFinder
            return PathFinder.find_spec(name, [{str(here)!r}])
sys.meta_path.append(Only())
for name in {PLATFORM!r}:
    assert importlib.util.find_spec(name) is None, name
"""


LIGHT = ("pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection")
LIGHT = (*LIGHT, "uuid_utils")


def run(python: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)


def test_client_wheel_imports_without_the_platform(python: Path) -> None:
    code = third_parties(*LIGHT) + "import ltc_client; print(len(ltc_client.__all__))"
    done = run(python, code)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 15


@pytest.mark.parametrize(
    ("open_the_door", "extra"),
    [
        ("ltc_client.kafka('127.0.0.1:1')", "ltc-client[kafka]"),
        ("ltc_client.feed('http://127.0.0.1:1')", "ltc-client[feed]"),
        (f"ltc_client.Verifier('whpk_{'A' * 43}=')", "ltc-client[ed25519]"),
    ],
)
def test_client_wheel_names_the_missing_extra_of_an_interface(
    python: Path, open_the_door: str, extra: str
) -> None:
    done = run(python, third_parties(*LIGHT) + f"import ltc_client; {open_the_door}")
    assert f"pip install '{extra}'" in done.stderr.splitlines()[-1]


def test_client_wheel_needs_no_extra_for_webhooks(python: Path) -> None:
    code = third_parties(*LIGHT) + "import ltc_client; ltc_client.webhook('whsec_AAAA')"
    assert run(python, code).returncode == 0


def test_client_wheel_installs_its_command(python: Path) -> None:
    command = python.with_name("ltc-client")
    assert command.exists()
    done = run(
        python, third_parties(*LIGHT) + "from ltc_client.__main__ import main; main(['--help'])"
    )
    assert "tail" in done.stdout


def test_client_wheel_is_typed_and_names_its_requirements(wheels: list[Path]) -> None:
    (wheel,) = (path for path in wheels if path.name.startswith("ltc_client"))
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith("METADATA"))
        about = archive.read(metadata).decode()
    assert "ltc_client/py.typed" in names
    needs = [line for line in about.splitlines() if line.startswith("Requires-Dist")]
    assert [need for need in needs if "extra ==" not in need] == ["Requires-Dist: ltc-contracts"]
    assert "# ltc-client" in about
