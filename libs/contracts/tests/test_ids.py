from __future__ import annotations

from uuid import RFC_4122, UUID, uuid5

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


def test_derived_id_has_the_time_of_its_cause() -> None:
    lead = new_id()
    deal = derived_id(lead, "deal")
    quote = derived_id(deal, "quote")

    assert {deal.version, quote.version} == {7}
    assert {deal.int >> 80, quote.int >> 80} == {lead.int >> 80}
    assert {deal.variant, quote.variant} == {RFC_4122}
    assert len({derived_id(lead, f"invoice:{n}") for n in range(1000)}) == 1000


def test_derived_id_of_an_earlier_or_timeless_cause_is_a_uuid5() -> None:
    earlier = UUID("0199a000-0000-7000-8000-000000000002")
    timeless = uuid5(earlier, "deal")

    assert derived_id(earlier, "deal") == timeless
    assert derived_id(timeless, "quote") == uuid5(timeless, "quote")


def test_repeatable_id_is_stable_and_carries_the_time_of_its_event() -> None:
    cause = new_id()
    given = [repeatable_id(cause, n) for n in range(50)]

    assert given == [repeatable_id(cause, n) for n in range(50)]
    assert len(set(given)) == 50
    assert {i.version for i in given} == {7}
    assert {i.int >> 80 for i in given} == {cause.int >> 80}
    assert repeatable_id(new_id(), 0) not in given
