"""The strict reader accepts what every later reader reads alike, and nothing else."""

from __future__ import annotations

import json
from contextlib import suppress

import orjson
import pytest
from box_service import BoxAnnounced, announced
from hypothesis import given
from hypothesis import strategies as st

from chassis.delivery import RawRecord, decode
from chassis.strict_json import MAX_DEPTH, NotStrict, read
from testkit.harness import Harness, as_record

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-(10**30), 10**30) | st.floats()
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
NAUGHTY = (
    b"NaN",
    b"-Infinity",
    b"1e400",
    b"1e-20000",
    b"9" * 300,
    b"0." + b"3" * 300,
    rb'"\u0000"',
    rb'"\ud800"',
    rb'"\udc00\ud800"',
    b'{"a":1,"a":2}',
    b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    b"\xff",
    b'"\xed\xa0\x80"',
    b"-",
)


@pytest.mark.parametrize("naughty", NAUGHTY)
@pytest.mark.parametrize("around", [b'{"a":%b}', b'{"a": [%b] }', b"%b"])
def test_strict_json_refuses_what_readers_disagree_about(around: bytes, naughty: bytes) -> None:
    with pytest.raises(NotStrict):
        read(around % naughty)


@pytest.mark.parametrize("number", ["NaN", "1e400", "9" * 30, "-" + "9" * 300])
def test_strict_json_names_the_place_of_a_number_that_is_not_kept(number: str) -> None:
    with pytest.raises(NotStrict) as refused:
        read(f'{{"lines": [{{"a/b": 1}}, {{"a/b": {number}}}]}}'.encode())

    assert refused.value.pointer == "/lines/1/a~1b"


@given(VALUES, st.booleans(), st.booleans())
def test_strict_json_accepts_only_what_is_written_back_and_read_again(
    value: object, ascii_only: bool, compact: bool
) -> None:
    written = json.dumps(
        value, ensure_ascii=ascii_only, separators=(",", ":") if compact else None
    ).encode()
    with suppress(NotStrict):
        assert read(orjson.dumps(read(written))) == read(written) == json.loads(written)


@given(st.binary(max_size=60) | st.text('{}[]":,\\u0dD8 1e-.\n', max_size=60).map(str.encode))
def test_strict_json_never_raises_another_error(data: bytes) -> None:
    with suppress(NotStrict):
        read(data)


async def test_strict_json_accepts_only_what_postgresql_keeps_as_jsonb(box_svc: Harness) -> None:
    """`ltc verify` and the edits of on-call take kept texts to ``jsonb``."""
    accepted: list[str] = []

    @given(VALUES)
    def collect(value: object) -> None:
        with suppress(NotStrict):
            text = json.dumps(value)
            read(text.encode())
            accepted.append(text)

    collect()
    for text in accepted:
        [(kept,)] = await box_svc.rows("SELECT $1::jsonb::text", text)
        orjson.loads(kept)
    assert len(accepted) > 10


@given(
    st.lists(
        st.tuples(
            st.sampled_from(HEADERS := [n for n, _ in as_record(announced()).headers])
            | st.just("traceparent")
            | st.text(max_size=5),
            st.none() | st.binary(max_size=40),
        ),
        max_size=4,
    ),
    st.none() | st.binary(max_size=40) | st.sampled_from(NAUGHTY),
    st.none() | st.binary(max_size=600),
    st.booleans(),
)
def test_decoding_never_raises_and_says_why(
    headers: list[tuple[str, bytes | None]],
    value: bytes | None,
    key: bytes | None,
    keeps_text: bool,
) -> None:
    good = as_record(announced())
    record = RawRecord(good.topic, 0, 7, key, value, [*good.headers, *headers])
    delivery = decode(record, BoxAnnounced, keeps_text=keeps_text)
    assert delivery.error is not None
    assert str(delivery.error)
    kept = f"{delivery.key}{delivery.error}{record.headers_json()}{delivery.trace}"
    assert "\0" not in kept
    assert "\\u0000" not in kept
    kept.encode()
