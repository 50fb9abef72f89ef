from __future__ import annotations

from uuid import UUID

from contracts.ids import derived_id, new_id


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
