"""The lead's lifecycle: the moves of the table, and no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from lead_builders import ADA, DEAL, LEAD, NOW, REP, a_lead, an_activity

from chassis.domain import IllegalTransition
from contracts.lead import LeadDisqualified, LeadMerged, LeadQualified
from contracts.money import Money
from lead_svc.domain.activity import Kind
from lead_svc.domain.lead import LIFECYCLE, Elsewhere, Lead, NoContact, NotYetAble, Status

HOUR = timedelta(hours=1)
OTHER = a_lead(id="00000000-0000-0000-0000-000000000099", number="L-2026-000099")

MOVES: dict[Status, Callable[[Lead], Lead]] = {
    Status.ASSIGNED: lambda lead: lead.assign(REP, by="boss", at=NOW, contact_within=HOUR)[0],
    Status.CONTACTED: lambda lead: lead.contact_made(an_activity()),
    Status.QUALIFIED: lambda lead: lead.qualify(by="u-1", at=NOW, need="gateways")[0],
    Status.CONVERTED: lambda lead: lead.convert(deal_id=DEAL, deal_number="D-1", at=NOW)[0],
    Status.DISQUALIFIED: lambda lead: lead.disqualify(reason="spam", by="u-1", at=NOW)[0],
    Status.MERGED: lambda lead: lead.merge_into(OTHER, by="boss", at=NOW)[0],
    Status.NEW: lambda lead: lead.reopen(reason="again", by="boss", at=NOW, within=HOUR)[0],
}
REPEATABLE = {(Status.ASSIGNED, Status.ASSIGNED)}
"""An assigned lead may be given to somebody else."""


@pytest.mark.parametrize("target", list(Status))
@pytest.mark.parametrize("status", list(Status))
def test_lead_lifecycle_allows_exactly_its_table(status: Status, target: Status) -> None:
    lead = a_lead(status=status)
    if LIFECYCLE.allows(status, target) or (status, target) in REPEATABLE:
        assert MOVES[target](lead).status is target
    else:
        with pytest.raises(IllegalTransition):
            MOVES[target](lead)


def test_lead_assigned_waits_for_the_first_contact() -> None:
    assigned, _ = a_lead().assign(REP, by="boss", at=NOW, contact_within=HOUR)
    contacted = assigned.contact_made(an_activity(Kind.MEETING))

    gate = assigned.gate("first_contact")
    assert gate is not None
    assert (gate.owner, gate.due_at) == ("person:u-1", NOW + HOUR)
    assert contacted.gate("first_contact") is None
    assert contacted.passages[0].evidence == "spoke about gateways"


def test_lead_note_is_not_a_contact() -> None:
    with pytest.raises(NoContact):
        a_lead(status=Status.ASSIGNED).contact_made(an_activity(Kind.NOTE))


def test_lead_qualification_requires_a_need() -> None:
    with pytest.raises(NotYetAble):
        a_lead().qualify(by="u-1", at=NOW)


def test_lead_qualified_event_has_actor_and_reasons() -> None:
    _, fact = a_lead(owner=REP).qualify(by="u-1", at=NOW, need="gateways")

    assert fact == LeadQualified(
        lead_id=LEAD,
        number="L-2026-000001",
        account=a_lead().account,
        contact=ADA,
        origin=a_lead().origin,
        owner=REP,
        score=40,
        reasons=("+40 test",),
        need="gateways",
        qualified_by="u-1",
        qualified_at=NOW,
    )


def test_lead_keeps_a_budget_of_zero() -> None:
    stated = a_lead(owner=REP, budget=Money(100, "CNY"))
    qualified, _ = stated.qualify(by="u-1", at=NOW, need="x", budget=Money.zero("CNY"))

    assert qualified.budget == Money.zero("CNY")


def test_lead_disqualified_or_merged_has_a_reason_and_no_gate() -> None:
    waiting = a_lead().await_qualification(at=NOW, within=HOUR)
    gone, disqualified = waiting.disqualify(reason="spam", by="u-1", at=NOW)
    folded, merged = waiting.merge_into(OTHER, by="boss", at=NOW)

    assert gone.gates == folded.gates == ()
    assert isinstance(disqualified, LeadDisqualified)
    assert disqualified.reason == "spam"
    assert isinstance(merged, LeadMerged)
    assert (merged.into_number, folded.merged_into) == (OTHER.number, OTHER.id)
    with pytest.raises(Elsewhere):
        folded.must_be_itself()


def test_lead_reopened_waits_for_qualification() -> None:
    lead, _ = a_lead(status=Status.DISQUALIFIED, reason="spam").reopen(
        reason="they wrote", by="boss", at=NOW, within=HOUR
    )

    assert lead.gate("qualification") is not None
    assert lead.reason is None
