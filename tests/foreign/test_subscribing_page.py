"""`docs/subscribing.md`, followed word by word.

Its shell blocks run in order, in an empty directory, beside a live platform. Each must show its
documented output.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.schema import PACKAGE
from local_infra.ports import free_port
from testkit.api_client import ApiClient
from testkit.installation.supervised import SupervisedInstallation
from testkit.tools import absent
from tests.foreign.conftest import Told
from tests.foreign.toolchain import java, node

pytestmark = pytest.mark.untouched

PROJECT = PACKAGE.parents[1]
PAGE = PROJECT / "docs" / "subscribing.md"
BLOCKS = re.findall(
    r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)
SHOWS = {
    "cd $(mktemp": r"^$",
    "curl $LEADS/leads": r'"outcome":"accepted"',
    "type=invoice.paid&wait=30": r'"type":"ltc\.invoice\.paid\.v1".*"next":"\w+"',
    "Accept: text/event-stream": r"event: ltc\.deal\.won\.v1\ndata: \{",
    "--topic ltc.deal.v1": r"ce_type:ltc\.deal\.\w+\.v1.*ce_correlationid:.*\{.*\n+Processed",
    "node consume.mjs": r'(\{"id".*"valid":true,"errors":\[\]\}\n){5,}\{"read":\d+\}\n',
    "Consume.java": r'(\{"id".*"valid":true,"errors":\[\]\}\n){5,}\{"read":\d+\}\n',
    "tee endpoint.json": r'"status":"enabled".*"whsec_',
    "node receive.mjs": r'"valid":true,"id":"[^"]+","type":"ltc\.hub\.test\.v1"',
    "$ENDPOINT/replays": r'\{"matched":[1-9]\d*,"complete":true\}(.|\n)*'
    r'"type":"ltc\.invoice\.paid\.v1"(.|\n)*"state":"ended"',
    "resend": r'\{"queued":1\}.*"status":204',
    "rotated.json": r'"whsec_(.|\n)*"valid":true,"id":"[^"]+","type":"ltc\.hub\.test',
    "$ENDPOINT/enable": r'"status":"enabled"',
    "ltc-client tail": r"(.* ltc\.deal\.\w+\.v1 .* [1-3] D-.*\n){6}$",
    "sales_board.py": r"^\('D-\d+-\d+', '[^']+', 'won', 271200\)$",
    "/states?stage=deal": r'"type":"ltc\.deal\.state\.v1"(.|\n)*\{"events":\[',
    "--topic ltc.deal.state.v1": r"Partition:\d+\s.*ce_type:ltc\.deal\.state\.v1.*ltc_position:",
}
"""A few words of each block, and what a reader then sees."""


class Terminal:
    """Somebody's shell: what one block sets the next one has, and a failing command is seen."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._state = folder / "state"
        self._groups: list[int] = []

    def types(self, block: str) -> str:
        """Run it; what it printed."""
        state = shlex.quote(str(self._state))
        script = (
            f'set -a; [ ! -f {state} ] || {{ . {state}; cd "$PWD"; }}\n{block}\nexport -p > {state}'
        )
        printed = self._folder / "printed"
        with printed.open("wb") as out:
            shell = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._groups.append(shell.pid)
        code = shell.wait(90)
        said = printed.read_text(encoding="utf-8")
        assert code == 0, said[-3000:]
        return said

    def close(self) -> None:
        """What was left running in the background ends."""
        for group in self._groups:
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                continue


@pytest.fixture(scope="module")
def terminal(told: Told, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    node()
    folder = tmp_path_factory.mktemp("terminal")
    java(folder)
    environment = {
        **told.house.environment,
        "LTC_KAFKA_PORT": told.house.bootstrap.rpartition(":")[2],
        "PORT": str(free_port()),
        "TMPDIR": str(folder),
        "npm_config_prefer_offline": "true",
    }
    terminal = Terminal(folder, environment)
    try:
        yield terminal
    finally:
        terminal.close()
        delete_endpoints(told.house)


def delete_endpoints(house: SupervisedInstallation) -> None:
    """No delivery waits for a receiver that has ended when the next stories are verified."""
    hub = ApiClient(house, house.token("erp", "erp", ["subscriber"]))
    for endpoint in hub.get("hub", "/endpoints")["items"]:
        assert hub.send("DELETE", "hub", f"/endpoints/{endpoint['id']}").is_success
    hub.close()


def test_subscribing_page_blocks_are_all_tested() -> None:
    assert len(BLOCKS) == len(SHOWS)


@pytest.mark.parametrize(
    ("block", "sign", "shown"),
    [(block, *shows) for block, shows in zip(BLOCKS, SHOWS.items(), strict=False)],
    ids=SHOWS,
)
def test_subscribing_page_block_shows_its_documented_output(
    terminal: Terminal, block: str, sign: str, shown: str
) -> None:
    plain = re.sub(r'["\\\n]', "", block)
    assert all(word in plain for word in sign.split()), f"not the block of {sign!r}: {block}"
    if "mvn " in block and not shutil.which("mvn"):
        absent("mvn is not on the PATH; on Debian: apt-get install maven")
    said = terminal.types(block)
    assert re.search(shown, said), said[-3000:]
