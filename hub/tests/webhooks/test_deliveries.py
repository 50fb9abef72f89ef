"""Webhook deliveries from the feed to a receiver, on real PostgreSQL and over real HTTP."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from hook_hub import (
    an_endpoint,
    deliveries,
    dispatching,
    facts,
    leased,
    looked,
    make_due,
    settled,
    until,
)
from standardwebhooks import Webhook

from contracts.ids import new_id
from hub.webhooks import sending
from hub.webhooks.sending import KEPT_HEADERS
from testkit.harness import Harness
from testkit.webhook_receiver import (
    Behaviour,
    Call,
    Receiver,
    accept,
    answer,
    hang,
    hang_up,
    receiving,
    status,
)


async def test_webhook_delivers_a_signed_cloud_event(hub: Harness, receiver: Receiver) -> None:
    made = await an_endpoint(hub, receiver.url())
    async with dispatching(hub):
        [event_id] = await facts(hub, 1)
        await receiver.until(1)
        await settled(hub, "delivered", 1)

    [call] = receiver.calls
    event = Webhook(made["secret"]["secret"]).verify(call.body, call.headers)
    assert call.event_id == event["id"] == event_id
    assert event["type"] == "ltc.lead.captured.v1"
    assert call.headers["content-type"] == "application/cloudevents+json"
    [delivery] = await deliveries(hub, made["id"])
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 1)


@pytest.mark.parametrize(
    ("behave", "outcome"),
    [
        (status(500), "rejected"),
        (status(302, "Location: http://127.0.0.1:1/"), "rejected"),
        (answer(b"\x16\x03 garbage\r\n\r\n"), "unreachable"),
        (hang_up, "unreachable"),
        (hang, "timeout"),
    ],
)
async def test_webhook_logs_a_failed_attempt_and_retries_after_five_seconds(
    hub: Harness, receiver: Receiver, behave: Behaviour, outcome: str
) -> None:
    made = await an_endpoint(hub, receiver.url())
    receiver.behave = behave
    async with dispatching(hub, attempt_s=0.4):
        [event_id] = await facts(hub, 1)
        await receiver.until(1)
        [(found, at)] = await until(hub, "SELECT outcome, at FROM attempt")
        [(next_at, tried)] = await hub.rows("SELECT next_at, attempts FROM delivery")
        seen_at = datetime.now(UTC)
        receiver.behave = accept
        await make_due(hub)
        await settled(hub, "delivered", 1)
    assert (found, tried) == (outcome, 1)
    assert at + timedelta(seconds=5) <= next_at <= seen_at + timedelta(seconds=5.5)
    assert receiver.ids() == [event_id, event_id]
    async with hub.client("subscriber", sub="erp") as erp:
        shown = (await erp.get(f"/endpoints/{made['id']}/deliveries/{event_id}")).json()
    assert [entry["outcome"] for entry in shown["log"]] == ["accepted", outcome]
    assert json.loads(shown["log"][0]["request_body"])["id"] == event_id
    assert shown["log"][0]["response_body"] == "ok"


async def test_webhook_sender_follows_retry_after_behind_many_headers(
    hub: Harness, receiver: Receiver
) -> None:
    """However many headers come before ``Retry-After``."""
    await an_endpoint(hub, receiver.url())
    many = [f"X-{n}: {n}" for n in range(KEPT_HEADERS)]
    receiver.behave = status(429, *many, "Retry-After: 90")
    async with dispatching(hub):
        await facts(hub, 1)
        [(at,)] = await until(hub, "SELECT at FROM attempt")
        [(next_at,)] = await hub.rows("SELECT next_at FROM delivery")
        seen_at = datetime.now(UTC)
    assert at + timedelta(seconds=90) <= next_at <= seen_at + timedelta(seconds=99)


async def test_webhook_retry_after_pauses_the_whole_endpoint_except_test_events(
    hub: Harness, receiver: Receiver
) -> None:
    made = await an_endpoint(hub, receiver.url())
    at = f"/endpoints/{made['id']}"
    receiver.behave = status(503, "Retry-After: 90")
    async with hub.client("subscriber", sub="erp") as erp, dispatching(hub) as one:
        [refused] = await facts(hub, 1)
        [(asked_at,)] = await until(hub, "SELECT at FROM attempt")
        receiver.behave = accept
        waiting = await facts(hub, 3)
        tested = (await erp.post(f"{at}/test")).json()["event_id"]
        await receiver.until(2)
        await looked(one)
        taken = await leased(hub)
        shown = (await erp.get(at)).json()
        shown_at = datetime.now(UTC)
        while_quiet = receiver.ids()
        await hub.execute("UPDATE endpoint SET quiet_until = now()")
        await settled(hub, "delivered", 4)

    assert (while_quiet, taken) == ([refused, tested], [])
    until_ = datetime.fromisoformat(shown["quiet_until"])
    assert asked_at + timedelta(seconds=90) <= until_ <= shown_at + timedelta(seconds=90)
    assert shown["backlog"]["pending"] == 4
    assert sorted(receiver.ids()[2:]) == sorted(waiting)


@pytest.mark.parametrize("how", ["enabled", "moved", "described"])
async def test_webhook_retry_after_ends_when_the_endpoint_changes(hub: Harness, how: str) -> None:
    made = await an_endpoint(hub, "http://127.0.0.1:1/one")
    at, seen = f"/endpoints/{made['id']}", {"If-Match": '"v1"'}
    await hub.execute("UPDATE endpoint SET quiet_until = now() + interval '1 hour'")
    async with hub.client("subscriber", sub="erp") as erp:
        if how == "enabled":
            answer = await erp.post(f"{at}/enable")
        else:
            change = {"url": "http://127.0.0.1:1/two"} if how == "moved" else {"description": "x"}
            answer = await erp.patch(at, json=change, headers=seen)
        answer.raise_for_status()
        quiet = (await erp.get(at)).json()["quiet_until"]

    assert (quiet is not None) == (how == "described")


async def test_webhook_keeps_order_per_aggregate_and_others_go_on(
    hub: Harness, receiver: Receiver
) -> None:
    await an_endpoint(hub, receiver.url())
    slow, stuck = new_id(), []

    async def refuse_first(call: Call, writer: asyncio.StreamWriter) -> None:
        await (status(503) if call.event_id in stuck[:1] else accept)(call, writer)

    receiver.behave = refuse_first
    async with dispatching(hub):
        stuck += await facts(hub, 4, of=slow)
        others = await facts(hub, 3)
        await settled(hub, "delivered", 3)
        before = receiver.ids()
        first, stuck[:] = list(stuck), []
        await make_due(hub)
        await settled(hub, "delivered", 7)
    assert set(before) == {first[0], *others}
    assert [i for i in receiver.ids() if i in first] == [first[0], *first]


async def test_webhook_unordered_endpoint_waits_for_no_earlier_event(
    hub: Harness, receiver: Receiver
) -> None:
    await an_endpoint(hub, receiver.url(), ordered=False)
    stuck: list[str] = []

    async def refuse_first(call: Call, writer: asyncio.StreamWriter) -> None:
        await (status(503) if call.event_id in stuck[:1] else accept)(call, writer)

    receiver.behave = refuse_first
    ids = await facts(hub, 4, of=new_id())
    stuck += ids
    async with dispatching(hub):
        await settled(hub, "delivered", 3)
    assert sorted(receiver.ids()) == sorted(ids)


async def test_webhook_ends_a_delivery_after_eight_attempts_and_sends_the_next(
    hub: Harness, receiver: Receiver
) -> None:
    made = await an_endpoint(hub, receiver.url())
    poison: list[str] = []

    async def refuse(call: Call, writer: asyncio.StreamWriter) -> None:
        await (status(400) if call.event_id in poison else accept)(call, writer)

    receiver.behave = refuse
    ids = await facts(hub, 2, of=new_id())
    poison.append(ids[0])
    async with dispatching(hub):
        for attempts in range(1, 9):
            await receiver.until(attempts)
            await until(hub, "SELECT 1 FROM attempt HAVING count(*) >= $1", attempts)
            await make_due(hub)
        await settled(hub, "delivered", 1)
    assert receiver.ids() == [ids[0]] * 8 + [ids[1]]
    assert [d["event_id"] for d in await deliveries(hub, made["id"], state="given_up")] == [ids[0]]


async def test_webhook_endpoint_disabled_after_five_days_resumes_without_a_gap(
    hub: Harness, receiver: Receiver
) -> None:
    made = await an_endpoint(hub, receiver.url())
    receiver.behave = status(500)
    lead = new_id()
    async with dispatching(hub) as one:
        ids = await facts(hub, 2, of=lead)
        await receiver.until(1)
        await until(hub, "SELECT 1 FROM endpoint WHERE failing_since IS NOT NULL")
        await hub.execute("UPDATE endpoint SET failing_since = now() - interval '5 days'")
        await make_due(hub)
        await until(hub, "SELECT 1 FROM endpoint WHERE NOT enabled")
        ids += await facts(hub, 1, of=lead)
        await make_due(hub)
        await looked(one)
        assert (receiver.ids(), await leased(hub)) == ([ids[0]] * 2, [])
        async with hub.client("subscriber", sub="erp") as erp:
            off = (await erp.get(f"/endpoints/{made['id']}")).json()
            refused = await erp.post(f"/endpoints/{made['id']}/test")
            receiver.behave = accept
            on = (await erp.post(f"/endpoints/{made['id']}/enable")).json()
        await settled(hub, "delivered", 3)
    assert off["status"] == "disabled"
    assert "accepted nothing since" in off["notice"]
    assert off["backlog"]["pending"] >= 2
    assert refused.status_code == 409
    assert (on["status"], on["notice"], on["failing_since"]) == ("enabled", None, None)
    assert receiver.ids()[2:] == ids


async def test_webhook_endpoint_answering_410_is_disabled_at_once(
    hub: Harness, receiver: Receiver
) -> None:
    made = await an_endpoint(hub, receiver.url())
    receiver.behave = status(410)
    async with dispatching(hub):
        await facts(hub, 1)
        await until(hub, "SELECT 1 FROM endpoint WHERE NOT enabled")
    async with hub.client("subscriber", sub="erp") as erp:
        assert "410" in (await erp.get(f"/endpoints/{made['id']}")).json()["notice"]


async def test_webhook_killed_instance_repeats_only_the_delivery_in_progress(
    hub: Harness, receiver: Receiver
) -> None:
    """Another instance takes over its delivery after the lease expires, with the same id."""
    await an_endpoint(hub, receiver.url())
    receiver.behave = hang
    async with dispatching(hub) as killed:
        ids = await facts(hub, 3)
        await receiver.until(3)
        # As kill -9 leaves things: nothing recorded, nothing given back.
        for task in list(killed._sending):
            task.remove_done_callback(killed._ended)
            task.cancel()
        killed._lease = new_id()
    receiver.behave = accept
    async with dispatching(hub) as other:
        await looked(other)
        assert len(receiver.calls) == 3, "the lease has not run out"
        await hub.execute("UPDATE delivery SET leased_until = now()")
        await settled(hub, "delivered", 3)
    assert sorted(receiver.ids()) == sorted([*ids, *ids])


async def test_webhook_two_instances_share_deliveries_and_keep_order(
    hub: Harness, receiver: Receiver
) -> None:
    await an_endpoint(hub, receiver.url())
    leads = [new_id() for _ in range(6)]
    async with dispatching(hub), dispatching(hub):
        sent = [await facts(hub, 10, of=lead) for lead in leads]
        await settled(hub, "delivered", 60)
    assert len(receiver.calls) == 60
    for ids in sent:
        assert [i for i in receiver.ids() if i in ids] == ids


async def test_webhook_ten_hanging_receivers_delay_none_of_ninety(
    hub: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the ninety has everything before a single one of the hanging attempts has ended,
    however slow the machine."""
    monkeypatch.setattr(sending, "CONNECT_S", 3600.0)
    async with receiving() as receiver:
        for n in range(10):
            receiver.at[f"/hang/{n}"] = hang
            await an_endpoint(hub, receiver.url(f"/hang/{n}"))
        for n in range(90):
            await an_endpoint(hub, receiver.url(f"/well/{n}"))
        async with dispatching(hub, attempt_s=3600.0, lease_s=7200.0):
            for _ in range(5):
                await facts(hub, 2)
            await settled(hub, "delivered", 900)
            await facts(hub, 1)
            await settled(hub, "delivered", 990)
            outcomes = await hub.rows("SELECT outcome, count(*) FROM attempt GROUP BY outcome")
    hanging = [call for call in receiver.calls if call.path.startswith("/hang")]
    assert len(hanging) == 10 * 11  # in places of their own, and none of them has ended
    assert [tuple(row) for row in outcomes] == [("accepted", 990)]


async def test_webhook_resend_goes_to_one_endpoint_only(hub: Harness, receiver: Receiver) -> None:
    async with dispatching(hub):
        await an_endpoint(hub, receiver.url("/other"))
        before = await facts(hub, 1)
        await settled(hub, "delivered", 1)
        made = await an_endpoint(hub, receiver.url("/mine"))
        after = await facts(hub, 2)
        await settled(hub, "delivered", 5)
        async with hub.client("subscriber", sub="erp") as erp:
            path = f"/endpoints/{made['id']}/resend"
            one = await erp.post(path, json={"event_id": after[0]})
            await receiver.until(6)
            never = await erp.post(path, json={"event_id": before[0]})
            time = await erp.post(path, json={"from": "2026-11-27T00:00:00Z"})
        await settled(hub, "delivered", 5)
    assert one.json() == {"queued": 1}
    assert never.status_code == 404
    assert time.status_code == 422
    assert sorted(receiver.ids("/mine")) == sorted([*after, after[0]])
    assert len(receiver.ids("/other")) == 3


async def test_webhook_test_event_is_sent_once_and_disables_no_endpoint(
    hub: Harness, receiver: Receiver
) -> None:
    made = await an_endpoint(hub, receiver.url())
    receiver.behave = status(500)
    async with dispatching(hub), hub.client("subscriber", sub="erp") as erp:
        event_id = (await erp.post(f"/endpoints/{made['id']}/test")).json()["event_id"]
        await settled(hub, "given_up", 1)
        shown = (await erp.get(f"/endpoints/{made['id']}/deliveries/{event_id}")).json()
        endpoint = (await erp.get(f"/endpoints/{made['id']}")).json()
    [call] = receiver.calls
    assert Webhook(made["secret"]["secret"]).verify(call.body, call.headers)["id"] == event_id
    assert shown["type"] == "ltc.hub.test.v1"
    assert shown["log"][0]["status"] == 500
    assert shown["log"][0]["response_body"] == "busy"
    assert endpoint["failing_since"] is None


async def test_webhook_rotation_signs_with_both_secrets_then_with_the_new_one(
    hub: Harness, receiver: Receiver
) -> None:
    made = await an_endpoint(hub, receiver.url())
    old = made["secret"]["secret"]
    async with dispatching(hub), hub.client("subscriber", sub="erp") as erp:
        rotate = f"/endpoints/{made['id']}/secret/rotate"
        new = (await erp.post(rotate, json={})).json()["secret"]
        third = await erp.post(rotate, json={})
        await facts(hub, 1)
        await receiver.until(1)
        at_once = (await erp.post(rotate, json={"overlap_hours": 0})).json()["secret"]
        await facts(hub, 1)
        await receiver.until(2)
    both, last = (call.headers["webhook-signature"].split() for call in receiver.calls)
    for secret in (old, new):
        Webhook(secret).verify(receiver.calls[0].body, receiver.calls[0].headers)
    Webhook(at_once).verify(receiver.calls[1].body, receiver.calls[1].headers)
    assert (len(both), len(last)) == (2, 1)
    assert third.status_code == 409
