from __future__ import annotations

from uuid import UUID

from contracts.ids import derived_id, new_id, repeatable_id


def test_new_id_is_a_time_ordered_uuid7() -> None:
    ids = [new_id() for _ in range(1000)]

    assert {type(i) for i in ids} == {UUID}
    assert {i.version for i in ids} == {7}
    assert ids == sorted(ids)
    assert len(set(ids)) == 1000


def test_derived_id_is_stable_for_one_cause_and_purpose() -> None:
    cause = new_id()

    assert derived_id(cause, "deal") == derived_id(cause, "deal")
    assert derived_id(cause, "deal") != derived_id(cause, "quote")
    assert derived_id(cause, "deal") != derived_id(new_id(), "deal")


def test_repeatable_id_is_stable_and_carries_the_time_of_its_event() -> None:
    cause = new_id()
    given = [repeatable_id(cause, n) for n in range(50)]

    assert given == [repeatable_id(cause, n) for n in range(50)]
    assert len(set(given)) == 50
    assert {i.version for i in given} == {7}
    assert {i.int >> 80 for i in given} == {cause.int >> 80}
    assert repeatable_id(new_id(), 0) not in given
