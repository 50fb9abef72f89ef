"""Alert rules in Prometheus' own tool: silent, firing, resolved; a spoilt rule fails its test."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ltc.settings import PROJECT
from testkit.tools import program

Rule = dict[str, Any]
FOLDER = PROJECT / "deploy" / "observability" / "prometheus"
RULES = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))
TESTS = yaml.safe_load((FOLDER / "rules_test.yml").read_text(encoding="utf-8"))
BY_NAME: dict[str, Rule] = {
    rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]
}
ALERTS = list(BY_NAME)
LIMIT = re.compile(r"> ([\d.]+)")


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
def test_alert_rules_pass_promtool(arguments: tuple[str, ...]) -> None:
    done = promtool(*arguments)

    assert done.returncode == 0, done.stdout + done.stderr


def test_alertmanager_configuration_is_valid() -> None:
    file = FOLDER.parent / "alertmanager" / "alertmanager.yml"
    done = subprocess.run(
        [program("amtool"), "check-config", str(file)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def keener(rule: Rule) -> Rule:
    """Fires a tenth below its limit, at nothing when any is too much."""
    return rule | {"expr": LIMIT.sub(_a_tenth_less, rule["expr"], count=1)}


def _a_tenth_less(limit: re.Match[str]) -> str:
    return f"> {float(limit[1]) * 0.9 or -1}"


SPOILT: dict[str, Callable[[Rule], Rule]] = {
    "never fires": lambda rule: rule | {"expr": "vector(0) > 1"},
    "always fires": lambda rule: rule | {"expr": "vector(1)"},
    "fires below its limit": keener,
    "does not wait": lambda rule: rule | {"for": "0s"},
    "is never over": lambda rule: rule | {"expr": f"last_over_time(({rule['expr']})[1d:15s])"},
    "names no runbook": lambda rule: _without(rule, "runbook_url"),
    "leads to no page": lambda rule: _without(rule, "console_url"),
}


def _without(rule: Rule, annotation: str) -> Rule:
    kept = {name: text for name, text in rule["annotations"].items() if name != annotation}
    return rule | {"annotations": kept}


def spoilt() -> Iterator[Any]:
    for alert, rule in BY_NAME.items():
        for how, spoil in SPOILT.items():
            if spoil(rule) != rule and not (how == "does not wait" and "for" not in rule):
                yield pytest.param(alert, how, id=f"{alert} {how}")


@pytest.mark.parametrize(("alert", "how"), list(spoilt()))
def test_alert_rule_that_is_spoilt_fails_its_test(alert: str, how: str, tmp_path: Path) -> None:
    rule = SPOILT[how](BY_NAME[alert])
    own = [test for test in TESTS["tests"] if test["name"] == alert]
    (tmp_path / "rules.yml").write_text(
        yaml.safe_dump({"groups": [{"name": "spoilt", "rules": [rule]}]})
    )
    (tmp_path / "rules_test.yml").write_text(yaml.safe_dump(TESTS | {"tests": own}))
    done = promtool("test", "rules", "rules_test.yml", folder=tmp_path)

    assert done.returncode == 1, done.stdout
    assert f"alertname: {alert}" in done.stderr + done.stdout


def test_alert_rule_limits_are_tested_from_below() -> None:
    untried = {name for name, rule in BY_NAME.items() if keener(rule) == rule}

    assert untried == {"ServiceDown", "ConsumerHalted", "PoolExhausted"}
