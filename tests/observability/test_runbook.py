"""The runbook: every alert leads to a section, and its pages and commands exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import click
import pytest
import typer.main

from ltc.main import app
from ltc.settings import PROJECT
from tests.observability.test_rules import ALERTS, BY_NAME, TESTS

PAGE = PROJECT / "docs" / "runbook.md"
TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = {
    title: body
    for title, _, body in (part.partition("\n") for part in re.split(r"(?m)^## ", TEXT)[1:])
}
PARTS = ("Means", "Look", "Causes", "Do", "Over", "Wake")
CONSOLE = {
    "/app/": {"stage", "reason", "owner"},
    "/app/journeys": {"state", "stage", "reason", "owner", "q"},
    "/app/failures": {"service"},
    "/app/topics": {"topic"},
    "/app/services": set(),
    "/app/catalogue": set(),
    "/app/webhooks": set(),
}
"""The console's pages, and what they may be asked in their address."""
CODE = re.compile(r"`([^`\n]+)`")
LTC = re.compile(r"\bltc ((?:[a-z-]+)(?: [a-z-]+)*)")
OPTION = re.compile(r" (--?[a-z-]+)")


def test_runbook_has_one_section_per_alert() -> None:
    assert list(SECTIONS) == ALERTS


@pytest.mark.parametrize("alert", ALERTS)
def test_runbook_sections_have_the_same_six_parts(alert: str) -> None:
    found = dict(re.findall(r"(?m)^- \*\*(\w+)\*\* (.+)$", SECTIONS[alert]))

    assert tuple(found) == PARTS
    assert found["Causes"].startswith("1. ")


def shown(annotation: str) -> Iterator[tuple[str, str]]:
    """The alert, and what stands in an annotation of it when it fires, as promtool has seen it."""
    for test in TESTS["tests"]:
        for moment in test["alert_rule_test"]:
            for alert in moment["exp_alerts"]:
                yield test["name"], alert["exp_annotations"][annotation]


def test_runbook_url_of_every_alert_leads_to_its_section() -> None:
    assert {alert for alert, _ in shown("runbook_url")} == set(ALERTS)
    for alert, url in shown("runbook_url"):
        path, _, anchor = url.partition("#")
        assert PROJECT / path == PAGE
        assert anchor == alert.lower()


def test_alert_console_url_leads_to_an_existing_page_with_its_parameters() -> None:
    assert {alert for alert, _ in shown("console_url")} == set(ALERTS)
    for alert, url in shown("console_url"):
        parts = urlsplit(url)
        assert parts.netloc == "console", f"{alert} leaves the console's address out"
        assert parts.path in CONSOLE, alert
        assert parse_qs(parts.query, strict_parsing=bool(parts.query)).keys() <= CONSOLE[parts.path]


def test_alert_summary_is_a_sentence_and_its_description_has_the_values() -> None:
    for alert, rule in BY_NAME.items():
        summary, description = (rule["annotations"][n] for n in ("summary", "description"))
        assert summary.endswith("."), alert
        assert "$value" not in summary, alert
        assert description.endswith((".", "}")), alert


def test_runbook_internal_links_resolve() -> None:
    anchors = {title.lower() for title in SECTIONS}

    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        file, _, anchor = target.partition("#")
        if file:
            assert (PAGE.parent / file).is_file(), target
        else:
            assert anchor in anchors, target


def test_runbook_console_pages_exist() -> None:
    named = set(re.findall(r"`(/app/[a-z]*)", TEXT))

    assert {"/app/", "/app/services"} < named <= CONSOLE.keys()


def commands() -> dict[str, click.Command]:
    """Every command of ``ltc`` by its words, those within groups too."""
    root = typer.main.get_command(app)
    found: dict[str, click.Command] = {}

    def collect(command: click.Command, words: tuple[str, ...]) -> None:
        found[" ".join(words)] = command
        for name, child in getattr(command, "commands", {}).items():
            collect(child, (*words, name))

    collect(root, ())
    return found


def test_runbook_commands_exist_with_their_options() -> None:
    there = commands()
    unknown: list[str] = []
    for code in CODE.findall(TEXT):
        for match in LTC.finditer(code):
            words = match[1].split()
            if words[0] not in there:
                unknown.append(words[0])
                continue
            group = bool(getattr(there[words[0]], "commands", {}))
            name = " ".join(words[:2]) if group else words[0]
            options = OPTION.findall(code[match.start() :])
            known = {o for p in getattr(there.get(name), "params", ()) for o in p.opts}
            unknown += [f"{name} {option}" for option in options if option not in known]
            if name not in there:
                unknown.append(name)

    assert unknown == []
