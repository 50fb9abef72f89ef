"""The deal's lifecycle: the moves of the table, and no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from deal_builders import NOW, a_deal

from chassis.domain import DomainError, IllegalTransition, Refused
from contracts.deal import DealStageChanged
from contracts.ids import ContractId, InvoiceId, QuoteId
from contracts.money import Money
from deal_svc.domain.deal import (
    LIFECYCLE,
    ChecklistIncomplete,
    ClosePast,
    Deal,
    NotOpen,
    Stage,
    Status,
)
from deal_svc.domain.later import Billed, Offer, Outcome

HOUR = timedelta(hours=1)
HUNDRED = Money(100_00, "CNY")
OUTCOME = Outcome(
    contract_id=ContractId(UUID(int=4)), contract_number="C-1", net=HUNDRED, gross=HUNDRED
)


def resumed_or_reopened(deal: Deal) -> Deal:
    if deal.status is Status.LOST:
        return deal.reopen(reason="r", by="boss", at=NOW, within=HOUR)[0]
    return deal.resume(by="u-1", at=NOW, within=HOUR)


MOVES: dict[Status, Callable[[Deal], Deal]] = {
    Status.OPEN: resumed_or_reopened,
    Status.ON_HOLD: lambda d: d.hold(reason="later", until=NOW + HOUR, by="u-1", at=NOW),
    Status.WON: lambda d: d.win(OUTCOME, at=NOW)[0],
    Status.LOST: lambda d: d.lose(reason="r", competitor=None, by="u-1", at=NOW)[0],
}


@pytest.mark.parametrize("target", list(Status))
@pytest.mark.parametrize("status", list(Status))
def test_deal_lifecycle_allows_exactly_its_table(status: Status, target: Status) -> None:
    if LIFECYCLE.allows(status, target):
        assert MOVES[target](a_deal(status=status)).status is target
    else:
        with pytest.raises((IllegalTransition, NotOpen)):
            MOVES[target](a_deal(status=status))


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.OPEN])
def test_deal_commands_need_an_open_deal(status: Status) -> None:
    deal = a_deal(status=status)
    for act in (
        lambda: deal.request_proposal(by="u-1", at=NOW, validity_days=30),
        lambda: deal.move_to(Stage.NEEDS, by="u-1", at=NOW),
        lambda: deal.record_needs(
            deal.lines, deal.payment_terms, "CNY", by="u-1", at=NOW, within=HOUR
        ),
    ):
        with pytest.raises(NotOpen):
            act()


@pytest.mark.parametrize("to", list(Stage))
@pytest.mark.parametrize("at", list(Stage))
@pytest.mark.parametrize("with_lines", [True, False])
def test_deal_stage_moves_forward_only_with_a_complete_checklist(
    at: Stage, to: Stage, with_lines: bool
) -> None:
    deal = a_deal(stage=at) if with_lines else a_deal(stage=at, lines=())
    order = list(Stage)
    forward = order.index(to) > order.index(at)
    if forward and order.index(to) >= order.index(Stage.PROPOSAL) and not with_lines:
        with pytest.raises(ChecklistIncomplete):
            deal.move_to(to, by="u-1", at=NOW)
        return
    moved, fact = deal.move_to(to, by="u-1", at=NOW)

    assert moved.stage is to
    assert fact == DealStageChanged(
        deal_id=deal.id,
        number=deal.number,
        from_stage=at.value,
        to_stage=to.value,
        changed_by="u-1",
        changed_at=NOW,
    )


def test_deal_on_hold_has_one_gate_and_resumes_its_stage() -> None:
    waiting = a_deal().await_proposal(at=NOW, within=HOUR)
    held = waiting.hold(reason="new budget in spring", until=NOW + 9 * HOUR, by="u-1", at=NOW)
    resumed = held.resume(by="u-1", at=NOW + HOUR, within=HOUR)

    assert [(g.name, g.owner, g.due_at) for g in held.gates] == [
        ("resumption", "person:u-1", NOW + 9 * HOUR)
    ]
    assert held.reason == "new budget in spring"
    assert [(g.name, g.due_at) for g in resumed.gates] == [("proposal", NOW + 2 * HOUR)]
    assert resumed.reason is None


@pytest.mark.parametrize(
    ("lines", "offer", "gates"),
    [
        ((), None, ["needs"]),
        (a_deal().lines, None, ["proposal"]),
        (a_deal().lines, "sent", []),
        (a_deal().lines, "expired", ["proposal"]),
    ],
)
def test_deal_resumed_opens_the_gate_of_its_next_step(
    lines: tuple[object, ...], offer: str | None, gates: list[str]
) -> None:
    told = Offer(quote_id=QuoteId(UUID(int=5)), number="Q-1", version=1, status=offer or "")
    deal = a_deal(status=Status.ON_HOLD, lines=lines, offer=told if offer else None)

    assert [g.name for g in deal.resume(by="r", at=NOW, within=HOUR).gates] == gates


def test_deal_refuses_dates_in_the_past() -> None:
    with pytest.raises(Refused):
        a_deal().hold(reason="r", until=NOW, by="r", at=NOW)
    with pytest.raises(ClosePast):
        a_deal().expect_close(date(2026, 10, 31), today=date(2026, 11, 1))
    assert a_deal().expect_close(date(2026, 11, 1), today=date(2026, 11, 1)).expected_close


def test_deal_ignores_an_older_version_of_its_quote() -> None:
    two = Offer(quote_id=QuoteId(UUID(int=5)), number="Q-1", version=2, status="sent")
    one = two.model_copy(update={"version": 1, "status": "superseded"})
    deal = a_deal().hear_of_offer(two)

    assert deal.hear_of_offer(one).offer == two
    later = two.model_copy(update={"status": "accepted"})
    assert deal.hear_of_offer(later).offer == later


def test_deal_invoice_keeps_known_values_across_events() -> None:
    issued = Billed(
        invoice_id=InvoiceId(UUID(int=6)),
        number="I-1",
        gross=HUNDRED,
        due_on=date(2026, 12, 1),
        status="issued",
    )
    thirty = Money(30_00, "CNY")
    credited = issued.model_copy(
        update={"status": "credited", "credited": {"CN-1": thirty}, "gross": thirty, "due_on": None}
    )
    late = issued.model_copy(update={"status": "overdue", "gross": Money(70_00, "CNY")})
    deal = a_deal().hear_of_invoice(issued).hear_of_invoice(credited).hear_of_invoice(credited)
    overdue = deal.hear_of_invoice(late)
    paid = overdue.hear_of_invoice(issued.model_copy(update={"status": "paid"}))

    [invoice] = overdue.invoices
    assert (invoice.gross, invoice.due_on) == (HUNDRED, date(2026, 12, 1))
    assert invoice.credited == {"CN-1": thirty}
    assert (deal.overdue_invoice, overdue.overdue_invoice, paid.overdue_invoice) == (
        None,
        "I-1",
        None,
    )


def test_deal_without_an_account_has_no_proposal_and_is_not_won() -> None:
    nobody = a_deal(account=None)
    with pytest.raises(ChecklistIncomplete):
        nobody.request_proposal(by="r", at=NOW, validity_days=30)
    with pytest.raises(DomainError):
        nobody.win(OUTCOME, at=NOW)
