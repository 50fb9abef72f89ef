"""The lifecycle of a quote version, and the difference of two versions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from quote_builders import NOW, a_line, a_quote, a_version, an_answer

from chassis.domain import IllegalTransition, NotFound
from contracts.money import Money
from contracts.terms import PaymentTerms, WantedLine
from quote_svc.domain.difference import difference
from quote_svc.domain.pricing import totals
from quote_svc.domain.quote import Quote
from quote_svc.domain.refusals import (
    AlreadyAccepted,
    AlreadyOut,
    NotTheCurrentVersion,
    OwnApproval,
    QuoteLapsed,
)
from quote_svc.domain.version import LIFECYCLE, Status

HOUR = timedelta(hours=1)


def edited(quote: Quote) -> Quote:
    lines = (a_line("B"),)
    wanted = (WantedLine(sku="B", quantity=1),)
    return quote.replace_lines(
        wanted, lines, totals(lines, "CNY"), outcome="o", by="rep-2", at=NOW
    )[0]


MOVES: dict[Status, Callable[[Quote], Quote]] = {
    Status.DRAFT: lambda q: q.reject(by="boss", reason="no", at=NOW, within=HOUR)[0],
    Status.PENDING_APPROVAL: lambda q: q.ask_approval(limit="l", at=NOW, within=HOUR)[0],
    Status.APPROVED: lambda q: q.approve(by="boss", at=NOW)[0],
    Status.SENT: lambda q: q.send(by="u-1", at=NOW, now=NOW)[0],
    Status.ACCEPTED: lambda q: q.accept(evidence=an_answer(), at=NOW)[0],
    Status.DECLINED: lambda q: q.decline(reason="no", evidence=an_answer(), at=NOW)[0],
    Status.EXPIRED: lambda q: q.expire(at=NOW + timedelta(days=31))[0],
    Status.VOIDED: lambda q: q.void(reason="wrong product", by="u-1", at=NOW)[0],
}


@pytest.mark.parametrize("target", list(MOVES))
@pytest.mark.parametrize("status", list(Status))
def test_quote_lifecycle_allows_exactly_its_table(status: Status, target: Status) -> None:
    if LIFECYCLE.allows(status, target):
        assert MOVES[target](a_quote(status)).status is target
    else:
        with pytest.raises(IllegalTransition):
            MOVES[target](a_quote(status))


@pytest.mark.parametrize("status", list(Status))
def test_quote_version_is_superseded_unless_accepted(status: Status) -> None:
    quote = a_quote(status)
    if status is Status.ACCEPTED:
        with pytest.raises(AlreadyAccepted):
            quote.supersede(by_version=2, reason="r", at=NOW)
        return
    gone, facts = quote.supersede(by_version=2, reason="r", at=NOW)

    assert len(facts) == LIFECYCLE.allows(status, Status.SUPERSEDED)
    assert gone.status is (Status.SUPERSEDED if facts else status)


def test_quote_lifecycle_cases_cover_every_target() -> None:
    targets = {t for moves in LIFECYCLE.moves.values() for t in moves}

    assert targets == set(MOVES) | {Status.SUPERSEDED}


@pytest.mark.parametrize("status", list(Status))
def test_quote_version_is_edited_only_before_it_is_sent(status: Status) -> None:
    if status in (Status.DRAFT, Status.PENDING_APPROVAL, Status.APPROVED):
        assert edited(a_quote(status)).status is Status.DRAFT
    else:
        with pytest.raises(AlreadyOut):
            edited(a_quote(status))


def test_quote_edit_voids_the_approval_and_changes_the_author() -> None:
    approved, _ = a_quote(Status.PENDING_APPROVAL).approve(by="boss", at=NOW)
    version = edited(approved.await_sending(at=NOW)).current

    assert version.approved_by is None
    assert version.hash != approved.current.hash
    assert version.requested_by == "rep-2"
    with pytest.raises(IllegalTransition):
        edited(approved).send(by="u-1", at=NOW, now=NOW)
    pending, _ = edited(approved).ask_approval(limit="l", at=NOW, within=HOUR)
    with pytest.raises(OwnApproval):
        pending.approve(by="rep-2", at=NOW)


def test_quote_edit_clears_every_earlier_gate() -> None:
    rejected, _ = a_quote(Status.PENDING_APPROVAL).reject(
        by="boss", reason="too cheap", at=NOW, within=HOUR
    )
    gate = rejected.gate("revision")

    assert gate is not None
    assert (gate.owner, gate.due_at) == ("person:u-1", NOW + HOUR)
    assert edited(rejected).gates == ()
    assert edited(rejected).current.reason is None


def test_quote_is_accepted_before_its_expiry_only() -> None:
    sent = a_quote(Status.SENT)
    until = sent.current.valid_until
    assert until is not None

    assert sent.accept(evidence=an_answer(), at=until - timedelta(seconds=1))[0].status
    with pytest.raises(QuoteLapsed):
        sent.accept(evidence=an_answer(), at=until)
    with pytest.raises(NotTheCurrentVersion):
        sent.expire(at=until - timedelta(seconds=1))


def test_quote_answers_count_for_the_current_version_only() -> None:
    with pytest.raises(NotTheCurrentVersion):
        a_quote().must_be_current(2)
    with pytest.raises(NotFound):
        a_quote().version(2)


def test_quote_difference_names_added_removed_and_changed_lines() -> None:
    before = a_version(a_line("A"), a_line("Gone"), a_line("Same"))
    more = a_line("A", quantity=2, net=150_00, line_no=2)
    after = a_version(
        a_line("Same", line_no=3),
        more,
        a_line("New", net=10_00),
        number=2,
        payment_terms=PaymentTerms(kind="prepaid"),
    )
    found = difference(before, after, "CNY")

    assert [line.sku for line in found.added] == ["New"]
    assert [line.sku for line in found.removed] == ["Gone"]
    assert [(c.before.quantity, c.after.quantity, c.net_change) for c in found.changed] == [
        (1, 2, Money(50_00, "CNY"))
    ]
    assert found.net_change == Money(-40_00, "CNY")
    assert found.gross_change == Money(-45_20, "CNY")
    assert found.terms_changed


def test_quote_difference_compares_a_repeated_product_line_by_line() -> None:
    before = a_version(a_line("A"), a_line("A", net=50_00))
    after = a_version(a_line("A"), number=2)
    found = difference(before, after, "CNY")

    assert [line.net for line in found.removed] == [Money(50_00, "CNY")]
    assert found.added == found.changed == ()


def test_quote_difference_with_an_unpriced_version_is_the_whole_other() -> None:
    unpriced = a_version(number=1).model_copy(update={"lines": (), "totals": None})
    found = difference(unpriced, a_version(number=2), "CNY")

    assert found.net_change == Money(100_00, "CNY")
    assert difference(a_version(), a_version(), "CNY").changed == ()
    assert Decimal(found.gross_change.amount) == Decimal("113.00")
