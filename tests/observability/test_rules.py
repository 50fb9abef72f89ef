"""Alert rules by Prometheus' own tool: each is seen quiet and seen firing, and its test notices."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ltc.settings import PROJECT
from tests.observability.tools import program

FOLDER = PROJECT / "deploy" / "observability" / "prometheus"
RULES = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))
TESTS = yaml.safe_load((FOLDER / "rules_test.yml").read_text(encoding="utf-8"))
ALERTS = [rule["alert"] for group in RULES["groups"] for rule in group["rules"]]


def promtool(*arguments: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("promtool"), *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "--lint-fatal", "rules.yml"),
        ("test", "rules", "rules_test.yml"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_promtool_agrees(arguments: tuple[str, ...]) -> None:
    done = promtool(*arguments)

    assert done.returncode == 0, done.stdout + done.stderr


def test_alertmanagers_file_is_one_that_it_reads() -> None:
    file = FOLDER.parent / "alertmanager" / "alertmanager.yml"
    done = subprocess.run(
        [program("amtool"), "check-config", str(file)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("expression", ["vector(0) > 1", "vector(1)"], ids=["never", "always"])
@pytest.mark.parametrize("alert", ALERTS)
def test_a_rule_that_never_fires_or_always_does_fails_its_test(
    alert: str, expression: str, tmp_path: Path
) -> None:
    spoilt: dict[str, Any] = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))
    [rule] = [r for group in spoilt["groups"] for r in group["rules"] if r["alert"] == alert]
    rule["expr"] = expression
    own = [test for test in TESTS["tests"] if test["name"] == alert]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(spoilt))
    (tmp_path / "rules_test.yml").write_text(yaml.safe_dump(TESTS | {"tests": own}))
    done = promtool("test", "rules", "rules_test.yml", folder=tmp_path)

    assert done.returncode == 1, done.stdout
    assert f"alertname: {alert}" in done.stderr + done.stdout
