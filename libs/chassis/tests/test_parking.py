"""Parked messages: order within a key, wake-up by the missing dependency, dead and skipped keys."""

from __future__ import annotations

from box_service import BOX, LABEL, BoxAnnounced, BoxOpened, announced, printed

from chassis.delivery import RawRecord
from testkit.harness import Harness, as_record


async def test_parking_retries_a_message_when_its_dependency_arrives(box_svc: Harness) -> None:
    await box_svc.receives(printed())

    [parked] = await box_svc.rows("SELECT key, error_class, wake_key FROM parked_key")
    assert parked == (str(LABEL), "DependencyMissing", f"box:{BOX}")
    assert await box_svc.rows("SELECT count(*) FROM inbox") == [(0,)]

    await box_svc.receives(announced())
    due = await box_svc.rows("SELECT count(*) FROM parked_key WHERE next_retry_at <= now()")
    assert due == [(1,)], "the new box makes the parked key due"
    await box_svc.retry_parked()

    assert await box_svc.rows("SELECT count(*) FROM parked_key") == [(0,)]
    assert await box_svc.rows("SELECT count(*) FROM parked_message") == [(0,)]


async def test_parking_queues_later_messages_of_the_key_in_order(box_svc: Harness) -> None:
    await box_svc.receives(printed(1))
    await box_svc.receives(printed(2), times=2)

    waiting = await box_svc.rows("SELECT type FROM parked_message ORDER BY id")
    assert len(waiting) == 2, "the redelivered one is kept once"

    await box_svc.receives(announced())
    await box_svc.retry_parked()
    assert await box_svc.rows("SELECT count(*) FROM parked_message") == [(0,)]
    assert await box_svc.rows("SELECT count(*) FROM inbox") == [(3,)]


async def test_parking_keeps_the_bytes_of_poison_messages_and_other_keys_go_on(
    box_svc: Harness,
) -> None:
    good = as_record(announced())

    def headers() -> list[tuple[str, bytes | None]]:
        odd = [("x-odd", None), ("x-binary", b"\xff\xfe")]
        return [*as_record(announced()).headers, *odd]

    broken = [
        RawRecord(BoxAnnounced.topic, 3, 7, b"k1", b'{"box_id": "cut', headers()),
        RawRecord(BoxAnnounced.topic, 3, 8, b"k2", None, headers()),
        RawRecord(BoxAnnounced.topic, 3, 9, b"k3", b"\xff\xfe", [("ce_type", None)]),
        RawRecord(
            BoxAnnounced.topic, 3, 10, None, b"{}", [("ce_type", BoxAnnounced.name.encode())]
        ),
    ]
    await box_svc.receives_raw(*broken, good)

    assert len(await box_svc.published(BoxOpened)) == 1
    dead = await box_svc.rows(
        "SELECT raw, state, kafka_offset FROM parked_message ORDER BY kafka_offset"
    )
    assert [(bytes(r[0]) if r[0] is not None else None, r[1], r[2]) for r in dead] == [
        (b'{"box_id": "cut', "dead", 7),
        (None, "dead", 8),
        (b"\xff\xfe", "dead", 9),
        (b"{}", "dead", 10),
    ]


async def test_parking_ignores_a_redelivered_record_that_was_skipped(box_svc: Harness) -> None:
    good = as_record(announced())
    cut = RawRecord(good.topic, 0, 7, good.key, b'{"box_id": "cut', good.headers)
    bare = RawRecord(good.topic, 0, 8, b"k2", b"{", [])
    await box_svc.receives_raw(cut, bare)
    async with box_svc.client("ops") as ops:
        for shown in (await ops.get("/ops/parked")).json():
            path = f"/ops/parked/{shown['topic']}/{shown['key']}/skip"
            assert (await ops.post(path, json={"reason": "unreadable"})).status_code == 200
    await box_svc.receives_raw(cut, bare)  # the offsets were set back

    assert await box_svc.rows("SELECT key FROM parked_key") == []


async def test_parking_keeps_an_undecodable_record_with_the_id_of_a_handled_event(
    box_svc: Harness,
) -> None:
    good = as_record(announced())
    await box_svc.receives_raw(good)
    await box_svc.receives_raw(RawRecord(good.topic, 0, 7, good.key, b"{cut", good.headers))

    async with box_svc.client("ops") as ops:
        [shown] = (await ops.get("/ops/parked")).json()
        assert shown["messages"] == 1, "ops can skip it"
        path = f"/ops/parked/{shown['topic']}/{shown['key']}/skip"
        assert (await ops.post(path, json={"reason": "unreadable"})).status_code == 200
    assert await box_svc.rows("SELECT key FROM parked_key") == []


async def test_parking_marks_a_key_dead_after_its_last_retry_until_ops_skips_it(
    box_svc: Harness,
) -> None:
    await box_svc.receives(printed())
    for _ in range(6):
        await box_svc.execute("UPDATE parked_key SET next_retry_at = now()")
        await box_svc.retries.retry_due()

    [(status, attempts)] = await box_svc.rows("SELECT status, attempts FROM parked_key")
    assert (status, attempts) == ("dead", 6)
    async with box_svc.client("ops") as ops, box_svc.client("packer") as packer:
        [shown] = (await ops.get("/ops/parked")).json()
        path = f"/ops/parked/{shown['topic']}/{shown['key']}"
        messages = (await ops.get(path)).json()
        refused = await packer.post(f"{path}/skip", json={"reason": "x"})
        skipped = await ops.post(f"{path}/skip", json={"reason": "handled by hand"})
        again = await ops.post(f"{path}/skip", json={"reason": "handled by hand"})

    assert messages[0]["payload"].startswith('{"label_id"')
    assert refused.status_code == 403
    assert skipped.status_code == 200, skipped.text
    assert again.status_code == 404
    [(action, reason)] = await box_svc.rows("SELECT action, reason FROM audit")
    assert (action, reason) == ("skip", "handled by hand")


async def test_parking_ignores_a_redelivered_message_that_was_skipped(
    box_svc: Harness,
) -> None:
    record = as_record(printed())
    await box_svc.receives_raw(record)
    async with box_svc.client("ops") as ops:
        path = f"/ops/parked/{record.topic}/{(record.key or b'').decode()}"
        skipped = await ops.post(f"{path}/skip", json={"reason": "handled by hand"})
    assert skipped.status_code == 200, skipped.text

    await box_svc.receives_raw(record)

    assert await box_svc.rows("SELECT count(*) FROM parked_key") == [(0,)]
    assert await box_svc.rows("SELECT state FROM parked_message") == [("skipped",)]


async def test_consumer_ignores_event_types_without_a_subscription(box_svc: Harness) -> None:
    record = as_record(announced())
    other = [(n, b"ltc.supply.sneezed.v1" if n == "ce_type" else v) for n, v in record.headers]
    await box_svc.receives_raw(RawRecord(BoxAnnounced.topic, 0, 0, record.key, record.value, other))

    assert await box_svc.rows("SELECT count(*) FROM inbox") == [(0,)]
    assert await box_svc.said() == []
