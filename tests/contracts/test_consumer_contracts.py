"""Consumer contracts: what each consumer states is what its code reads, and producers meet it."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from contracts.catalog import CATALOG, FACTS, STAGES
from contracts.envelope import Envelope, MalformedEnvelope
from contracts.lead import LeadCaptured
from contracts.needs import ANY, HEADERS, Hearer, hearers, present, unmet, unpublished, unsaid
from contracts.samples import sample, sample_envelope
from ltc.settings import PROJECT
from ltc.verify import topics
from tests.contracts.stating import restated
from tests.evidence import Seen, collected

OURS = (*(f"{stage}-svc" for stage in STAGES), "console")
INVARIANTS = PROJECT / "cli" / "src" / "ltc" / "verify"


@pytest.fixture(scope="module")
async def evidence() -> Seen:
    return await collected()


@pytest.mark.parametrize("name", OURS)
async def test_consumer_contract_equals_the_fields_that_the_code_reads(
    name: str, evidence: Seen
) -> None:
    stated = hearers()[name]

    shown = restated(stated, evidence["heard"][name], present())

    assert stated.needs == shown.needs, "python -m tests.contracts.stating rewrites the file"


@pytest.mark.parametrize("name", hearers())
async def test_consumer_contract_is_met_by_recorded_events(name: str, evidence: Seen) -> None:
    assert unsaid(hearers()[name], evidence["said"]) == []


async def test_recorded_events_fit_the_published_schemas(evidence: Seen) -> None:
    assert evidence["said"].keys() == FACTS.keys()
    assert list(unpublished(evidence["said"])) == []


def test_consumer_contract_exists_for_every_subscription() -> None:
    stated = {name: set(hearer.needs) for name, hearer in hearers().items()}

    for stage in STAGES:
        heard = {name for name, entry in CATALOG.items() if stage in entry.hearers}
        assert stated[f"{stage}-svc"] == heard
    assert stated["console"] == FACTS.keys()


def test_consumer_contract_can_be_met_by_the_schemas() -> None:
    catalogue = present()

    assert [m for hearer in hearers().values() for m in unmet(hearer, catalogue)] == []


@pytest.mark.parametrize("header", HEADERS)
def test_consumer_contract_states_the_headers_that_decoding_needs(header: str) -> None:
    headers = dict(sample_envelope(sample(LeadCaptured)).to_headers())
    headers.pop(header, None)
    try:
        Envelope.from_headers(list(headers.items()))
        needed = False
    except MalformedEnvelope:
        needed = True

    assert [header in hearers()[name].headers for name in OURS] == [needed] * len(OURS)


def test_consumer_contract_of_ltc_verify_equals_what_its_rules_read() -> None:
    stated = hearers()["ltc-verify"]
    rules = "".join(file.read_text(encoding="utf-8") for file in _sql(INVARIANTS))
    read = set(re.findall(r"(?:payload|request)\s*->>?\s*'(\w+)'", rules))

    named = {path.split("/")[1] for need in stated.needs.values() for path in need.reads}
    assert set(stated.headers) == {"ce_id", *topics.HEADERS}
    assert named == read


def _sql(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.sql"))


def a_need(**changes: Any) -> Hearer:
    """order-svc's need of a signed contract, changed."""
    hearer = hearers()["order-svc"]
    need = hearer.needs["ltc.contract.signed.v1"].model_copy(update=changes)
    return hearer.model_copy(update={"needs": {"ltc.contract.signed.v1": need}})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reads": ("/colour",)}, "/colour of ltc.contract.signed.v1: there is no such field"),
        ({"null": {}}, "/imported of ltc.contract.signed.v1: it may be null"),
        ({"values": {}}, "/lines/*/kind of ltc.contract.signed.v1: say which values"),
        ({"values": {"/lines/*/kind": ("gods",)}}, "gods is no known value"),
        ({"null": {"/number": "taken"}}, "/number of ltc.contract.signed.v1: it is never null"),
    ],
)
def test_consumer_contract_that_no_schema_meets_is_named(
    changes: dict[str, Any], said: str
) -> None:
    assert any(said in str(misfit) for misfit in unmet(a_need(**changes), present()))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"values": {"/lines/*/kind": ("goods",)}}, "was said, which it cannot handle"),
        (
            {"null": {"/prepayment": "never"}},
            "/prepayment of ltc.contract.signed.v1: null was",
        ),
        ({"reads": ("/colour",)}, "no producer's test ever filled it"),
    ],
)
async def test_consumer_contract_without_a_recorded_event_is_named(
    changes: dict[str, Any], said: str, evidence: Seen
) -> None:
    assert any(said in str(misfit) for misfit in unsaid(a_need(**changes), evidence["said"]))


async def test_consumer_contract_check_names_missing_and_different_events(
    evidence: Seen,
) -> None:
    silent = {**evidence["said"], "ltc.contract.signed.v1": []}
    [misfit] = unsaid(a_need(), silent)
    assert "no producer's test ever said it" in str(misfit)

    odd = copy.deepcopy(evidence["said"]["ltc.contract.signed.v1"])
    odd[0]["lines"][0]["kind"] = "favour"
    odd[0]["number"] = 7
    found = {(m.field, m.detail) for m in unpublished({"ltc.contract.signed.v1": odd})}
    assert found == {
        ("/number", "is no string"),
        ("/lines/*/kind", "favour was said and is no known value"),
    }


def test_consumer_contract_for_all_events_needs_a_field_only_where_it_exists() -> None:
    everywhere = Hearer.model_validate(
        {"consumer": "x", "contact": "x", "headers": [], "needs": {ANY: {"reads": []}}}
    )
    assert unmet(everywhere, present()) == []


def test_consumer_contract_example_for_subscribers_is_valid() -> None:
    page = (PROJECT / "docs" / "contracts.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)

    assert unmet(Hearer.model_validate_json(example), present()) == []


async def test_consumer_contract_example_for_subscribers_is_met_by_recorded_events(
    evidence: Seen,
) -> None:
    page = (PROJECT / "docs" / "contracts.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)

    assert unsaid(Hearer.model_validate_json(example), evidence["said"]) == []
