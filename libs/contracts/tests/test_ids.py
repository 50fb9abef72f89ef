from __future__ import annotations

from uuid import UUID

from contracts.ids import derived_id, new_id, repeatable_id


def test_new_ids_are_time_ordered_and_of_the_standard_kind() -> None:
    ids = [new_id() for _ in range(1000)]

    assert {type(i) for i in ids} == {UUID}
    assert {i.version for i in ids} == {7}
    assert ids == sorted(ids)
    assert len(set(ids)) == 1000


def test_one_cause_and_purpose_always_give_one_id() -> None:
    cause = new_id()

    assert derived_id(cause, "deal") == derived_id(cause, "deal")
    assert derived_id(cause, "deal") != derived_id(cause, "quote")
    assert derived_id(cause, "deal") != derived_id(new_id(), "deal")


def test_what_an_event_gives_out_is_the_same_each_time_and_of_its_time() -> None:
    cause = new_id()
    given = [repeatable_id(cause, n) for n in range(50)]

    assert given == [repeatable_id(cause, n) for n in range(50)]
    assert len(set(given)) == 50
    assert {i.version for i in given} == {7}
    assert {i.int >> 80 for i in given} == {cause.int >> 80}
    assert repeatable_id(new_id(), 0) not in given
