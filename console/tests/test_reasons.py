"""Diagnosis of a journey from given inputs: each reason code, and which of two comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from console.business_time import business_seconds, spoken
from console.evidence import Evidence, Parked, Unpublished
from console.folding import Fact, Summary, fold
from console.peers import Asked
from console.reasons import Code, Reason, reason_of

SAID = datetime(2026, 11, 2, 2, tzinfo=UTC)
"""Monday, 10:00 in the office."""
NOW = SAID + timedelta(minutes=10)
DEAL = str(UUID(int=2))
TOPIC = "ltc.deal.v1"


def a_fact(type_: str, sequence: int, **payload: Any) -> Fact:
    return Fact(
        event_id=uuid5(UUID(int=7), f"{type_}{sequence}"),
        type=type_,
        source="/ltc/deal-svc",
        subject=DEAL,
        sequence=sequence,
        said_at=SAID,
        causation_id=None,
        trace_id=None,
        payload={"number": "D-1", **payload},
        partition=3,
        offset=40 + sequence,
    )


ASKED = fold([a_fact("ltc.deal.opened.v1", 1), a_fact("ltc.deal.proposal_requested.v1", 2)])


def at_gate(owner: str) -> Summary:
    gate = a_fact(
        "ltc.deal.gate_opened.v1",
        3,
        gate="needs",
        owner=owner,
        opened_at=SAID.isoformat(),
        due_at=(SAID + timedelta(minutes=5)).isoformat(),
    )
    return fold([a_fact("ltc.deal.opened.v1", 1), gate])


def everybody(**away: str) -> tuple[Asked, ...]:
    return tuple(
        Asked(
            service=f"{stage}-svc",
            status="away" if stage in away else "ok",
            error=away.get(stage),
        )
        for stage in ("lead", "deal", "quote", "contract", "order", "billing")
    )


HEARD: dict[str, dict[tuple[str, int], int]] = {
    f"{stage}-svc": {(TOPIC, 3): 100}
    for stage in ("lead", "deal", "quote", "contract", "order", "billing")
}
FINE = Evidence(asked=everybody(), committed=HEARD)
BEHIND = replace(FINE, committed={**HEARD, "quote-svc": {(TOPIC, 3): 42}})
PARKED = Parked(
    service="quote-svc",
    topic=TOPIC,
    key=DEAL,
    status="retrying",
    attempts=4,
    error_class="DependencyMissing",
    error="price book 2027 is not there\nTraceback",
    waits_for="price_book:2027",
    parked_at=SAID,
    messages=3,
)
UNSENT = Unpublished(
    service="deal-svc", type="ltc.deal.proposal_requested.v1", key=DEAL, created_at=SAID
)


def why(summary: Summary, evidence: Evidence, now: datetime = NOW) -> Reason:
    reason = reason_of(summary, evidence, now=now)
    assert reason is not None
    return reason


def test_reason_dead_lettered_comes_before_all_others() -> None:
    dead = PARKED.model_copy(update={"status": "dead", "service": "contract-svc"})
    evidence = replace(
        BEHIND, parked=(PARKED, dead), asked=everybody(quote="refused"), unpublished=(UNSENT,)
    )
    reason = why(at_gate("role:legal"), evidence)
    assert (reason.code, reason.hop) == (Code.DEAD_LETTERED, "contract-svc")
    assert "given up a message of D-1" in reason.sentence
    assert "2 more wait behind it" in reason.sentence
    assert len(reason.evidence) == 2


def test_reason_parked_names_the_missing_dependency() -> None:
    reason = why(ASKED, replace(BEHIND, parked=(PARKED,)))
    assert reason.code == Code.PARKED
    assert "price book 2027 is not there, waits for price_book:2027" in reason.sentence
    assert "Traceback" not in reason.sentence


def test_reason_parked_covers_held_keys() -> None:
    held = PARKED.model_copy(update={"status": "held", "waits_for": None})
    assert (
        "quote-svc holds the messages of D-1" in why(ASKED, replace(FINE, parked=(held,))).sentence
    )


def test_reason_service_down_needs_a_consumer_that_must_act_next() -> None:
    reason = why(ASKED, replace(BEHIND, asked=everybody(quote="ConnectError")))
    assert (reason.code, reason.hop, reason.error) == (
        Code.SERVICE_DOWN,
        "quote-svc",
        "ConnectError",
    )
    assert "deal.proposal_requested of D-1 waits for it" in reason.sentence
    elsewhere = why(at_gate("role:legal"), replace(FINE, asked=everybody(billing="gone")))
    assert elsewhere.code == Code.WAITING_HUMAN


def test_reason_service_down_covers_the_owner_of_an_open_gate() -> None:
    reason = why(at_gate("party:customer"), replace(FINE, asked=everybody(deal="gone")))
    assert (reason.code, reason.hop, reason.gate) == (Code.SERVICE_DOWN, "deal-svc", "needs")


def test_reason_outbox_backlog_needs_an_old_unpublished_event() -> None:
    reason = why(ASKED, replace(BEHIND, unpublished=(UNSENT,)))
    assert (reason.code, reason.hop) == (Code.OUTBOX_BACKLOG, "deal-svc")
    refused = UNSENT.model_copy(update={"error": "MessageSizeTooLargeError"})
    told = why(ASKED, replace(BEHIND, unpublished=(UNSENT, refused)))
    assert (told.code, told.error) == (Code.OUTBOX_BACKLOG, "MessageSizeTooLargeError")
    assert "until somebody edits or skips it" in told.sentence
    fresh = UNSENT.model_copy(update={"created_at": NOW})
    assert why(ASKED, replace(BEHIND, unpublished=(fresh,))).code == Code.CONSUMER_LAG


def test_reason_consumer_lag_names_offset_and_group() -> None:
    reason = why(ASKED, BEHIND)
    assert (reason.code, reason.hop) == (Code.CONSUMER_LAG, "quote-svc")
    [proof] = reason.evidence
    assert "ltc.deal.v1/3 offset 42; the group is at 42" in proof.text


def test_reason_consumer_lag_ends_at_the_offset_after_the_event() -> None:
    heard = replace(FINE, committed={**HEARD, "quote-svc": {(TOPIC, 3): 43}})
    assert why(ASKED, heard).code == Code.UNKNOWN


@pytest.mark.parametrize(
    ("owner", "code"),
    [
        ("person:rep-1", Code.WAITING_HUMAN),
        ("role:sales_manager", Code.WAITING_HUMAN),
        ("party:customer", Code.WAITING_EXTERNAL),
        ("system:erp", Code.WAITING_EXTERNAL),
    ],
)
def test_reason_gate_names_its_owner(owner: str, code: Code) -> None:
    reason = why(at_gate(owner), FINE)
    assert (reason.code, reason.owner, reason.overdue_s) == (code, owner, 300)
    assert "overdue since 2026-11-02 02:05, by 5 min of office hours" in reason.sentence


def test_reason_prepayment_gate_says_why_the_stated_prepayment_does_not_count() -> None:
    gate = a_fact(
        "ltc.order.gate_opened.v1",
        2,
        gate="prepayment",
        owner="party:customer",
        opened_at=SAID.isoformat(),
        due_at=(SAID + timedelta(days=7)).isoformat(),
    )
    refused = a_fact(
        "ltc.prepayment.refused.v1", 1, reason="reference_spent", detail="P-1 is P-2026-7"
    )
    waits = why(fold([gate]), FINE)
    reason = why(fold([refused, gate]), FINE)

    assert "does not count" not in waits.sentence
    assert reason.owner == "party:customer"
    assert reason.sentence.endswith("does not count: its reference was used for something else.")
    assert "P-2026-7" not in reason.model_dump_json()


def test_reason_timer_covers_the_next_instalment() -> None:
    schedule = [{"n": 2, "due": "days_after_signature", "days": 30, "amount": {}}]
    reason = why(fold([a_fact("ltc.contract.signed.v1", 1, schedule=schedule)]), FINE)
    assert reason.code == Code.TIMER
    assert "Instalment 2 of D-1 is invoiced on 2026-12-02" in reason.sentence


def test_reason_unknown_names_the_services_without_an_answer() -> None:
    assert "Nothing is unsent, unheard or parked" in why(ASKED, FINE).sentence
    silent = why(ASKED, replace(FINE, asked=everybody(order="gone")))
    assert (silent.code, [proof.service for proof in silent.evidence]) == (
        Code.UNKNOWN,
        ["order-svc"],
    )
    assert "order-svc could not be asked" in silent.sentence


def test_reason_inputs_carry_all_values_for_translation() -> None:
    """Each value in the English text of a reason is also a named field."""
    schedule = [{"n": 2, "due": "days_after_signature", "days": 30, "amount": {}}]
    reasons = [
        why(ASKED, replace(FINE, parked=(PARKED,))),
        why(ASKED, replace(FINE, unpublished=(UNSENT,))),
        why(ASKED, BEHIND),
        why(at_gate("role:legal"), FINE),
        why(fold([a_fact("ltc.contract.signed.v1", 1, schedule=schedule)]), FINE),
    ]
    proofs = [proof for reason in reasons for proof in reason.evidence]
    assert [proof.kind for proof in proofs] == ["parked", "outbox", "offset", "gate", "schedule"]
    for proof in proofs:
        for name, value in proof.values.items():
            if name.endswith("_at"):
                assert f"{datetime.fromisoformat(str(value)):%F}" in proof.text
            else:
                assert str(value).removeprefix("ltc.").removesuffix(".v1") in proof.text


def test_reason_is_absent_for_recent_or_ended_journeys() -> None:
    soon = SAID + timedelta(seconds=1)
    assert reason_of(ASKED, BEHIND, now=soon) is None
    lost = fold([*ASKED.facts, a_fact("ltc.deal.lost.v1", 4)])
    assert reason_of(lost, replace(BEHIND, parked=(PARKED,)), now=NOW) is None


@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [
        ("2026-11-06T08:00", "2026-11-09T02:00", 3),  # Friday 16:00 to Monday 10:00
        ("2026-10-01T01:00", "2026-10-05T10:00", 0),  # the national holiday
        ("2026-11-02T10:00", "2026-11-02T23:00", 0),  # Monday after 18:00
        ("2026-11-03T04:00", "2026-11-02T04:00", 0),  # not yet
    ],
)
def test_business_time_counts_office_hours_only(since: str, until: str, hours: int) -> None:
    start, end = (datetime.fromisoformat(at).replace(tzinfo=UTC) for at in (since, until))
    assert business_seconds(start, end) == hours * 3600


def test_business_time_counts_exchange_working_days() -> None:
    """Sunday 20 September 2026 is a working day in exchange for a holiday."""
    day = datetime(2026, 9, 20, 1, tzinfo=UTC)
    assert business_seconds(day, day + timedelta(hours=2)) == 7200
    assert [spoken(seconds) for seconds in (59, 300, 3600, 12_000)] == [
        "59 s",
        "5 min",
        "1 h",
        "3 h 20 min",
    ]
