"""Catalogue pages: every event complete, no external request, deprecations with their consumers."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from contracts import generate, lifetimes
from contracts.breach import compare
from contracts.catalog import CATALOG, DEPRECATED, FACTS, STAGES, Deprecation, producer
from contracts.catalogue_pages import PAGES, pages
from contracts.fields import WithoutUnit, fields
from contracts.lifetimes import CHANGES, recorded, stragglers, successor, versions
from contracts.needs import hearers
from contracts.occasions import OCCASIONS
from contracts.pages import FOLDER
from contracts.paths import places
from contracts.schema import PACKAGE, SCHEMAS, schema_of

WON, LOST = "ltc.deal.won.v1", "ltc.deal.lost.v1"
NOW = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.html")}


class Links(HTMLParser):
    """Everything that a page would fetch or lead to, and what it can be led to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: set[str] = set()
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.add(tag)
        self.targets += [str(told[name]) for name in ("href", "src") if name in told]
        if told.get("id"):
            self.ids.add(str(told["id"]))


def section(name: str) -> str:
    """The section of the committed page about one event."""
    page = NOW[f"{producer(FACTS[name])}.html"]
    return page.split(f'<h2 id="{name}">')[1].split("<h2 ")[0]


@pytest.mark.parametrize("name", CATALOG)
def test_catalogue_describes_every_event_completely(name: str) -> None:
    told = section(name)

    assert re.search(r"<dt>Said</dt><dd>\S.{15,}</dd>", told), "when it is said"
    for term in ("By", "Key and subject", "Order", "Versions", "Heard by", "Schema"):
        assert re.search(f"<dt>{term}</dt><dd>.{{2,}}</dd>", told), term
    assert f"<code>{FACTS[name].key}</code>" in told
    told_fields = set(re.findall(r"<td><code>(/[^<]*)</code></td>", told))
    inside_money = {"amount", "currency"}
    untold = places(schema_of(FACTS[name])).keys() - told_fields
    assert {
        p for p in untold if not p.endswith("/*") and p.split("/")[-1] not in inside_money
    } == set()
    assert "<summary>Example</summary>" in told


def test_catalogue_shows_personal_fields_and_units() -> None:
    by_path = {field.path: field for field in fields(schema_of(FACTS["ltc.quote.accepted.v1"]))}

    assert by_path["/evidence/by"].personal
    assert not by_path["/evidence/method"].personal
    assert by_path["/lines/*/tax_percent"].unit == "percent"
    assert by_path["/totals/gross"].kind == "money"
    assert "/totals/gross/amount" not in by_path


def test_catalogue_refuses_a_number_without_a_unit() -> None:
    with pytest.raises(WithoutUnit, match="/weight is a number without a unit"):
        fields({"type": "object", "properties": {"weight": {"type": "integer"}}})


def test_catalogue_pages_load_nothing_external_and_their_links_resolve() -> None:
    read = {name: Links(text) for name, text in NOW.items()}
    assert set(NOW) == {"index.html", "changes.html", *(f"{stage}.html" for stage in STAGES)}
    for name, links in read.items():
        assert links.tags.isdisjoint({"script", "link", "img", "iframe"})
        assert "url(" not in NOW[name]
        assert "@import" not in NOW[name]
        for target in links.targets:
            file, _, anchor = target.partition("#")
            if file.startswith("../schemas/"):
                assert (PACKAGE / SCHEMAS / Path(file).name).exists(), target
                continue
            assert file in {"", *NOW}, f"{target} leads out of the catalogue"
            assert not anchor or anchor in read[file or name].ids, target


def test_catalogue_triggers_name_only_existing_events() -> None:
    assert set(OCCASIONS) == set(CATALOG)
    named = {stem for text in OCCASIONS.values() for stem in re.findall(r"`(ltc\.[^`]+)`", text)}
    assert {stem for stem in named if not versions(stem, FACTS)} == set()


def test_catalogue_lists_no_late_consumer_without_a_deprecation() -> None:
    assert DEPRECATED == {} or all(d.instead in FACTS for d in DEPRECATED.values())
    assert stragglers(hearers()) == [s for s in stragglers(hearers()) if s.type in DEPRECATED]


def test_deprecated_version_shows_its_end_and_its_consumers_everywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = schema_of(FACTS[WON])
    monkeypatch.setitem(DEPRECATED, WON, Deprecation(date(2026, 12, 1), date(2027, 6, 1), LOST))

    late = {s.consumer: s for s in stragglers(hearers())}
    assert set(late) == {h.consumer for h in hearers().values() if WON in h.needs}
    assert "said until 2027-06-01; on-call" in str(late["console"])
    told = pages([], hearers())
    assert "said until 2027-06-01" in told["deal.html"]
    assert "<td>2026-12-01</td><td>2027-06-01</td>" in told["changes.html"]
    assert f"<td>console</td><td>on-call</td><td><code>{WON}</code></td>" in told["changes.html"]
    after = schema_of(FACTS[WON])
    assert (after["deprecated"], after["x-ends"]) == (True, "2027-06-01")
    assert compare(before, after) == [], "the gate lets a deprecation pass"


def test_deprecation_finds_the_successor_of_an_older_version() -> None:
    names = [*FACTS, "ltc.deal.won.v2", "ltc.deal.won.v10"]

    assert successor(WON, names) == "ltc.deal.won.v10"
    assert successor("ltc.deal.won.v10", names) is None
    assert {s.type for s in stragglers(hearers(), names)} == {WON}


def test_change_log_is_written_with_the_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "libs" / "contracts"
    assert generate.main([], folder) == 0
    today = datetime.now(UTC).date().isoformat()
    assert {c.type for c in recorded(folder)} == set(FACTS)
    file = folder / SCHEMAS / f"{WON}.json"
    old = json.loads(file.read_text(encoding="utf-8"))
    del old["properties"]["imported"], old["$defs"]["Owner"]["properties"]["team"]
    file.write_text(json.dumps(old), encoding="utf-8")

    assert generate.main([], folder) == 0
    assert generate.main([], folder) == 0

    assert recorded(folder)[len(FACTS) :] == [(today, WON, "/imported is new; /owner/team is new")]
    page = (folder / PAGES / "changes.html").read_text(encoding="utf-8")
    assert f"<li>/imported is new; /owner/team is new: <code>{WON}</code></li>" in page
    assert generate.main(["--check"], folder) == 0
    (folder / CHANGES).write_text("[]", encoding="utf-8")
    assert generate.main(["--check"], folder) == 1, "a page that is not of this log is stale"


def test_change_log_lists_changes_that_a_subscriber_notices() -> None:
    old = {"properties": {"a": {"type": "string", "x-extensible-enum": ["x"]}, "b": {}}}
    new = {
        "properties": {
            "a": {"anyOf": [{"type": "string"}, {"type": "null"}], "x-extensible-enum": ["x", "y"]},
            "c": {"type": "object", "properties": {"d": {"type": "string"}}},
        }
    }

    assert sorted(lifetimes.changed(old, new)) == [
        "/a may be null", "/a may say y", "/b is gone", "/c is new",
    ]  # fmt: skip
