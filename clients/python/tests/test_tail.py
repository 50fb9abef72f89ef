"""``ltc-client tail`` on the command line, at real interfaces."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from live_hub import a_hub
from speaking import a_deal, from_here, publish

import ltc_client
from ltc_client import InFile
from testkit.deadline import DEADLINE_S
from testkit.servers import kafka_bootstrap

COMMAND = Path(sys.executable).with_name("ltc-client")


def tail(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "tail", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


async def test_client_tail_at_kafka_resumes_with_the_next_call(tmp_path: Path) -> None:
    bootstrap, path = kafka_bootstrap(), tmp_path / "here"
    await from_here(bootstrap, kept := InFile(path), "ltc.deal.v1")
    kept.close()
    deal = list(a_deal(7))
    await publish(bootstrap, deal)
    there = ("--door", "kafka", "--bootstrap", bootstrap, "--checkpoint", str(path))
    first = tail("--type", "deal.*", "--count", "2", *there)
    assert first.returncode == 0, first.stderr
    lines = first.stdout.splitlines()
    assert [line.split()[1] for line in lines] == [
        "ltc.deal.opened.v1",
        "ltc.deal.stage_changed.v1",
    ]
    assert all(deal[0][0].subject in line and " D-7" in line for line in lines)
    second = tail("--type", "deal.*", "--count", "1", "--json", *there)
    event = json.loads(second.stdout)
    assert (event["type"], event["id"]) == ("ltc.deal.won.v1", str(deal[2][0].id))
    assert ltc_client.from_cloudevent(event).said is not None


async def test_client_tail_at_the_feed_takes_its_token_from_the_environment(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        await publish(kafka_bootstrap(), a_deal(8))
        words = ("--type", "deal.won", "--url", hub.url, "--start", "oldest", "--count", "1")
        done = tail(*words, LTC_TOKEN=hub.token())
        assert done.returncode == 0, done.stderr
        assert " ltc.deal.won.v1 " in done.stdout
        refused = tail(*words, LTC_TOKEN="")
        assert refused.returncode == 1
        assert "401" in refused.stderr
        assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--type", "Deal!"), 2, "'Deal!' names no type"),
        (("--door", "kafka", "--bootstrap", "127.0.0.1:1"), 1, "Kafka: "),
        (("--door", "fax"), 2, "invalid choice: 'fax'"),
        (("--checkpoint", "pyproject.toml"), 1, "pyproject.toml is no checkpoint"),
    ],
)
def test_client_tail_reports_an_error_in_one_sentence(
    words: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    if "pyproject.toml" in words:
        (tmp_path / "pyproject.toml").write_text("[project]")
        words = ("--checkpoint", str(tmp_path / "pyproject.toml"))
    done = tail(*words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
