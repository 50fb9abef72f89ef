"""Checks of consumer offsets against topic and database, and the sentence for each mismatch."""

from __future__ import annotations

from uuid import UUID

import pytest
from aiokafka import TopicPartition

from chassis.positions import Position, explain, misfits

EVENT = UUID("01890000-0000-7000-8000-00000000000e")
HERE = TopicPartition("ltc.thing.v1", 3)
RUN = "nothing is heard until `ltc rebuild thing-svc` has run"


@pytest.mark.parametrize("committed", [10, 15, 20])
def test_offset_check_accepts_offsets_within_the_topic(committed: int) -> None:
    found = {HERE: Position(committed, 10, 20, EVENT)}

    assert misfits("thing-svc", found, set()) == []
    assert explain("thing-svc", found, set()) is None


@pytest.mark.parametrize(
    ("position", "unknown", "reason"),
    [
        (Position(None, 0, 20, None), set(), "Kafka has lost the offset of thing-svc for"),
        (Position(9, 10, 20, EVENT), set(), "records 9 to 9 of ltc.thing.v1-3 are gone before"),
        (Position(21, 10, 20, EVENT), set(), "ltc.thing.v1-3 ends at 20, before offset 21"),
        (Position(15, 10, 20, EVENT), {EVENT}, f"does not know event {EVENT} of ltc.thing.v1-3"),
    ],
)
def test_offset_check_describes_each_mismatch_in_one_sentence(
    position: Position, unknown: set[UUID], reason: str
) -> None:
    beside = {TopicPartition("ltc.thing.v1", n): Position(1, 0, 1, None) for n in range(3)}
    said = explain("thing-svc", {**beside, HERE: position}, unknown)

    assert said is not None
    assert reason in said
    assert said.endswith(RUN)
    assert "\n" not in said


def test_offset_check_describes_several_partitions_in_one_sentence() -> None:
    lost = {TopicPartition("ltc.thing.v1", n): Position(None, 0, 1, None) for n in range(12)}

    said = explain("thing-svc", lost, set())

    assert said is not None
    assert "ltc.thing.v1-0 (and 11 more partitions)" in said
