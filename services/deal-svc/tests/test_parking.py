"""Messages that cannot be handled now: parked in order, woken, given up, or kept as they came."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from chassis.delivery import RawRecord
from chassis.testing import Harness, as_record
from contracts.billing import JourneySettled
from contracts.deal import DealOpened
from contracts.ids import AccountId, ContactId, ContractId, DealId, LeadId, QuoteId, derived_id
from contracts.lead import LeadQualified
from contracts.money import Money
from contracts.parties import Account, Contact
from contracts.quote import QuoteSent
from contracts.terms import Origin, Totals

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)
LEAD = LeadId(UUID(int=1))
DEAL = DealId(derived_id(LEAD, "deal"))
QUOTE = QuoteId(UUID(int=77))


def a_lead_qualified() -> LeadQualified:
    return LeadQualified(
        lead_id=LEAD,
        number="L-2026-000001",
        account=None,
        contact=Contact(contact_id=ContactId(UUID(int=3)), name="Ada"),
        origin=Origin(channel="website"),
        owner=None,
        score=90,
        reasons=(),
        need="help",
        qualified_by="policy:qualification@0",
        qualified_at=NOW,
    )


def a_quote_sent(version: int = 1) -> QuoteSent:
    hundred = Money(100_00, "CNY")
    totals = Totals(net=hundred, tax=Money.zero("CNY"), gross=hundred)
    return QuoteSent(
        quote_id=QUOTE,
        number="Q-1",
        deal_id=DEAL,
        version=version,
        totals=totals,
        valid_until=NOW,
        sent_by="rep",
        sent_at=NOW,
    )


def a_settlement() -> JourneySettled:
    money = Money(100_00, "CNY")
    return JourneySettled(
        contract_id=ContractId(UUID(int=9)),
        contract_number="C-1",
        deal_id=DEAL,
        lead_id=None,
        account=Account(account_id=AccountId(UUID(int=2)), name="Acme"),
        contracted=money,
        invoiced=money,
        credited=money,
        paid=money,
        earned=money,
        settled_at=NOW,
    )


async def test_a_fact_that_comes_before_its_deal_waits_and_is_woken(deal_svc: Harness) -> None:
    await deal_svc.receives(a_quote_sent())

    [parked] = await deal_svc.rows("SELECT key, error_class, wake_key FROM parked_key")
    assert parked == (str(QUOTE), "DependencyMissing", f"deal:{DEAL}")
    assert await deal_svc.rows("SELECT count(*) FROM inbox") == [(0,)]

    await deal_svc.receives(a_lead_qualified())
    due = await deal_svc.rows("SELECT count(*) FROM parked_key WHERE next_retry_at <= now()")
    assert due == [(1,)], "opening the deal wakes what waited for it"
    await deal_svc.retry_parked()

    assert await deal_svc.rows("SELECT count(*) FROM parked_key") == [(0,)]
    assert await deal_svc.rows("SELECT count(*) FROM parked_message") == [(0,)]


async def test_later_messages_of_a_parked_key_queue_behind_it_in_order(deal_svc: Harness) -> None:
    await deal_svc.receives(a_quote_sent(1))
    await deal_svc.receives(a_quote_sent(2), times=2)

    waiting = await deal_svc.rows("SELECT type FROM parked_message ORDER BY id")
    assert len(waiting) == 2, "the repeated one is kept once"

    await deal_svc.receives(a_lead_qualified())
    await deal_svc.retry_parked()
    assert await deal_svc.rows("SELECT count(*) FROM parked_message") == [(0,)]
    assert await deal_svc.rows("SELECT count(*) FROM inbox") == [(3,)]


async def test_a_poison_message_is_kept_with_its_bytes_and_the_rest_goes_on(
    deal_svc: Harness,
) -> None:
    good = as_record(a_lead_qualified())

    def headers() -> list[tuple[str, bytes | None]]:
        odd = [("x-odd", None), ("x-binary", b"\xff\xfe")]
        return [*as_record(a_lead_qualified()).headers, *odd]

    broken = [
        RawRecord("ltc.lead.v1", 3, 7, b"k1", b'{"lead_id": "cut', headers()),
        RawRecord("ltc.lead.v1", 3, 8, b"k2", None, headers()),
        RawRecord("ltc.lead.v1", 3, 9, b"k3", b"\xff\xfe", [("ce_type", None)]),
        RawRecord("ltc.lead.v1", 3, 10, None, b"{}", [("ce_type", b"ltc.lead.qualified.v1")]),
    ]
    await deal_svc.receives_raw(*broken, good)

    assert len(await deal_svc.published(DealOpened)) == 1
    dead = await deal_svc.rows(
        "SELECT raw, state, kafka_offset FROM parked_message ORDER BY kafka_offset"
    )
    assert [(bytes(r[0]) if r[0] is not None else None, r[1], r[2]) for r in dead] == [
        (b'{"lead_id": "cut', "dead", 7),
        (None, "dead", 8),
        (b"\xff\xfe", "dead", 9),
        (b"{}", "dead", 10),
    ]


async def test_a_record_that_was_given_up_stays_so_when_it_comes_again(deal_svc: Harness) -> None:
    good = as_record(a_lead_qualified())
    cut = RawRecord(good.topic, 0, 7, good.key, b'{"lead_id": "cut', good.headers)
    bare = RawRecord(good.topic, 0, 8, b"k2", b"{", [])
    await deal_svc.receives_raw(cut, bare)
    async with deal_svc.client("ops") as ops:
        for shown in (await ops.get("/ops/parked")).json():
            path = f"/ops/parked/{shown['topic']}/{shown['key']}/skip"
            assert (await ops.post(path, json={"reason": "no fact"})).status_code == 200
    await deal_svc.receives_raw(cut, bare)  # the offsets were set back

    assert await deal_svc.rows("SELECT key FROM parked_key") == []


async def test_a_record_that_is_no_fact_is_kept_though_it_bears_the_id_of_one(
    deal_svc: Harness,
) -> None:
    good = as_record(a_lead_qualified())
    await deal_svc.receives_raw(good)
    await deal_svc.receives_raw(RawRecord(good.topic, 0, 7, good.key, b"{cut", good.headers))

    async with deal_svc.client("ops") as ops:
        [shown] = (await ops.get("/ops/parked")).json()
        assert shown["messages"] == 1, "there is something to be skipped"
        path = f"/ops/parked/{shown['topic']}/{shown['key']}/skip"
        assert (await ops.post(path, json={"reason": "no fact"})).status_code == 200
    assert await deal_svc.rows("SELECT key FROM parked_key") == []


async def test_a_message_given_up_is_dead_until_a_person_acts(deal_svc: Harness) -> None:
    await deal_svc.receives(a_settlement())
    for _ in range(6):
        await deal_svc.execute("UPDATE parked_key SET next_retry_at = now()")
        await deal_svc.retries.retry_due()

    [(status, attempts)] = await deal_svc.rows("SELECT status, attempts FROM parked_key")
    assert (status, attempts) == ("dead", 6)
    async with deal_svc.client("ops") as ops, deal_svc.client("sales_rep") as rep:
        [shown] = (await ops.get("/ops/parked")).json()
        path = f"/ops/parked/{shown['topic']}/{shown['key']}"
        messages = (await ops.get(path)).json()
        refused = await rep.post(f"{path}/skip", json={"reason": "x"})
        skipped = await ops.post(f"{path}/skip", json={"reason": "settled by hand"})
        again = await ops.post(f"{path}/skip", json={"reason": "settled by hand"})

    assert messages[0]["payload"].startswith('{"contract_id"')
    assert refused.status_code == 403
    assert skipped.status_code == 200, skipped.text
    assert again.status_code == 404
    [(action, reason)] = await deal_svc.rows("SELECT action, reason FROM audit")
    assert (action, reason) == ("skip", "settled by hand")


async def test_a_message_that_was_skipped_is_not_taken_up_when_it_comes_again(
    deal_svc: Harness,
) -> None:
    record = as_record(a_settlement())
    await deal_svc.receives_raw(record)
    async with deal_svc.client("ops") as ops:
        path = f"/ops/parked/{record.topic}/{(record.key or b'').decode()}"
        skipped = await ops.post(f"{path}/skip", json={"reason": "settled by hand"})
    assert skipped.status_code == 200, skipped.text

    await deal_svc.receives_raw(record)

    assert await deal_svc.rows("SELECT count(*) FROM parked_key") == [(0,)]
    assert await deal_svc.rows("SELECT state FROM parked_message") == [("skipped",)]


async def test_unknown_facts_on_a_topic_are_ignored(deal_svc: Harness) -> None:
    record = as_record(a_lead_qualified())
    other = [(n, b"ltc.lead.sneezed.v1" if n == "ce_type" else v) for n, v in record.headers]
    await deal_svc.receives_raw(RawRecord("ltc.lead.v1", 0, 0, record.key, record.value, other))

    assert await deal_svc.rows("SELECT count(*) FROM inbox") == [(0,)]
    assert await deal_svc.said() == []
