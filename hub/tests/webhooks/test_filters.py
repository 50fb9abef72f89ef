"""Webhook filters: type, stage, owner and amount, from the creation of the endpoint on."""

from __future__ import annotations

from operator import attrgetter
from uuid import UUID

from hook_hub import an_endpoint, dispatching, facts, settled
from hub_builders import a_record

from contracts.billing import (
    InvoiceIssued,
    InvoiceOverdue,
    InvoicePaid,
    JourneySettled,
    PaymentReceived,
)
from contracts.contract import ContractSigned
from contracts.deal import DealOpened, DealWon
from contracts.ids import new_id
from contracts.money import Money
from contracts.quote import QuoteAccepted
from contracts.samples import sample
from testkit.harness import Harness
from testkit.webhook_receiver import (
    Receiver,
)


async def test_webhook_filter_selects_by_type_stage_and_owner(
    hub: Harness, receiver: Receiver
) -> None:
    won = sample(DealWon)
    asked = {
        "/all": {},
        "/deals": {"types": ["deal.*"]},
        "/leads": {"stages": ["lead"]},
        "/mine": {"owners": [won.owner.sub]},
        "/theirs": {"owners": ["somebody else"]},
        "/quotes": {"types": ["quote.*"], "stages": ["quote"]},
    }
    for path, wanted in asked.items():
        await an_endpoint(hub, receiver.url(path), filter=wanted)
    async with dispatching(hub):
        await facts(hub, 1)
        await hub.receives_raw(a_record(won))
        await receiver.until(5)
        await settled(hub, "delivered", 5)
    got = {path: len(receiver.ids(path)) for path in asked}
    assert got == {"/all": 2, "/deals": 1, "/leads": 1, "/mine": 1, "/theirs": 0, "/quotes": 0}


async def test_webhook_filter_selects_by_amount_and_currency(
    hub: Harness, receiver: Receiver
) -> None:
    """The limit matches at exactly the amount, not one cent above, and in its currency only. An
    event with several amounts is compared by its main one."""
    about = {
        DealOpened: ("amount", "11900.00"),
        DealWon: ("gross", "13447.00"),
        QuoteAccepted: ("totals.gross", "13447.00"),
        ContractSigned: ("totals.gross", "13447.00"),
        InvoiceIssued: ("totals.gross", "4034.10"),
        InvoicePaid: ("gross", "4034.10"),
        InvoiceOverdue: ("outstanding", "4034.10"),
        PaymentReceived: ("amount", "4034.10"),
        JourneySettled: ("contracted", "13447.00"),
    }
    for path, least in {
        "/4034": ("4034.10", "CNY"),
        "/above": ("4034.11", "CNY"),
        "/13447": ("13447.00", "CNY"),
        "/dollars": ("0.01", "USD"),
    }.items():
        amount = dict(zip(("amount", "currency"), least, strict=True))
        await an_endpoint(hub, receiver.url(path), filter={"amount_at_least": amount})
    sent = {kind: str(new_id()) for kind in about}
    async with dispatching(hub):
        for kind, event_id in sent.items():
            value = attrgetter(about[kind][0])(sample(kind))
            assert value == Money.parse(about[kind][1], "CNY"), kind
            await hub.receives_raw(a_record(sample(kind), event_id=UUID(event_id)))
        await facts(hub, 1)  # of a lead, which has no amount
        await settled(hub, "delivered", 9 + 5 + 4)
    small = {InvoiceIssued, InvoicePaid, InvoiceOverdue, PaymentReceived}
    assert set(receiver.ids("/4034")) == set(sent.values())
    assert set(receiver.ids("/above")) == {i for kind, i in sent.items() if kind not in small}
    assert set(receiver.ids("/13447")) == set(receiver.ids("/above")) - {sent[DealOpened]}
    assert receiver.ids("/dollars") == []


async def test_webhook_endpoint_gets_no_event_from_before_its_creation(
    hub: Harness, receiver: Receiver
) -> None:
    """It gets every later event, whether fan-out had reached that event or not."""
    async with dispatching(hub):
        await an_endpoint(hub, receiver.url("/first"))
        await facts(hub, 3)
        await receiver.until(3)
        await an_endpoint(hub, receiver.url("/second"))
        await facts(hub, 2)
        await receiver.until(7)
        await settled(hub, "delivered", 7)
    assert len(receiver.ids("/first")) == 5
    assert len(receiver.ids("/second")) == 2
