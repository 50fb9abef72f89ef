"""Values that broke programs elsewhere, and how they get into something valid.

The list is our own: the packages of the big list of naughty strings are not kept. It holds the
values of bug reports (issue 21) and one or two of each kind of that list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from hypothesis import strategies as st

TEXTS: Final = (
    "",
    " ",
    "\t",
    "\u00a0",
    "\u200b",
    "\ufeff",
    "\u3164",
    "null",
    "None",
    "undefined",
    "NaN",
    "true",
    "0",
    "-0",
    "1/2",
    "1e309",
    "0x1F",
    "1,000.00",
    "1.000,00",
    "١٢٣",
    "9" * 400,
    "0.1" + "0" * 300,
    "10 m² of ½\u2033",
    "ＧＴＸ　①",
    "ﷺ" * 200,
    "e\u0301" * 50,
    "Z\u0351\u036b\u0343algo",
    "\u202etxt.exe",
    "\u2066x\u2069",
    "👩\u200d👩\u200d👧\U0001f3f3\ufe0f",
    "\U0010ffff\ufffe",
    "İstanbul ıI",
    "Straße",
    "神\ufa19",
    "a\r\nb\u2028c\u0085d",
    "a\u0000b",
    "a\u001bb",
    "\ud800",
    "\udc00x",
    "'; DROP TABLE lead; --",
    '" OR 1=1',
    "%",
    "%s%n{0}",
    "$1",
    "\\",
    "\\u0000",
    "_",
    "a%00b",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "../../etc/passwd",
    "=cmd|' /C'!A0",
    "http://[::1]/",
    "javascript:0",
    "file:///etc/passwd",
    "//x",
    "CON",
    ".",
    "..",
    "-",
    "--help",
    "<ann@x.example>",
    "mailto:ann@x.example",
    "ann@x.example,",
    "bea@münchen.example",
    "a@xn--a.b",
    "+1 212 555 0123 ext. 101",
    "13800138000.0",
    "(212) 555-0199",
    "+" + "9" * 40,
    "tel:112",
    "INV-2026-0000107",
    "PINV-2026-000010",
    "BB-1 ",
    "AB-1",
    "ab-1",
    "1970-01-01",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30T00:00:00Z",
    "2026-11-27T24:00:00Z",
    "20261127",
    "46353",
    "2026-11-27T10:30:00",
    "2026-11-27T10:30:60Z",
    "CNY",
    "XXX",
    "cny",
    "ABCDEFG",
    "a" * 2_100,
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
)
NUMBERS: Final = (
    0,
    -1,
    1,
    2**31 - 1,
    2**31,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    2**64,
    10**30,
    0.1,
    -0.0,
    1e308,
    5e-324,
)
RAW: Final = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1E-400",
    "1" + "0" * 400,
    "0.1e0",
    "1E5",
    "-0",
    '"\\u0000"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\ud83d\\ude00"',
    '"a\\u007fb"',
    "[" * 200 + "]" * 200,
    '{"a":1,"a":2}',
    '"' + "a" * 300_000 + '"',
    "01",
    "nul",
)
"""JSON as no writer of ours writes it, and what is no JSON at all."""


class Raw(str):
    """A piece of JSON text, put in as it is."""

    __slots__ = ()


texts = st.sampled_from(TEXTS) | st.text(max_size=60)
values = st.one_of(
    texts,
    st.sampled_from(NUMBERS),
    st.integers() | st.floats(),
    st.sampled_from(RAW).map(Raw),
    st.sampled_from([None, True, False, [], {}, [[]], {"": None}, ["x"] * 3_000]),
)


@st.composite
def spoiled(draw: st.DrawFn, value: Any, *, most: int = 2) -> Any:
    """The value with up to ``most`` of its parts replaced, left out or added. Texts become texts
    more often than not, since those go furthest."""
    changed = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(0, most))):
        places = list(_places(changed))
        if not places:
            break
        holder, at = draw(st.sampled_from(places))
        how = draw(st.sampled_from(["text", "text", "value", "leave out", "add"]))
        if how == "leave out":
            del holder[at]
        elif how == "add" and isinstance(holder, dict):
            holder[draw(texts)] = draw(values)
        elif how == "text" and isinstance(holder[at], str):
            holder[at] = draw(texts)
        else:
            holder[at] = draw(values)
    return changed


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every part of a value, as its holder and its name or index there."""
    inner: Sequence[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value[:20]))
    for at, part in inner:
        yield value, at
        yield from _places(part)


def dump(value: Any, *, escaped: bool = True) -> bytes:
    """As JSON, with raw pieces as they are. Half characters stay half."""
    raw: list[str] = []

    def marked(part: Any) -> Any:
        if isinstance(part, Raw):
            raw.append(str(part))
            return f"@raw{len(raw) - 1}@"
        if isinstance(part, dict):
            return {key: marked(inner) for key, inner in part.items()}
        return [marked(inner) for inner in part] if isinstance(part, list) else part

    text = json.dumps(marked(value), ensure_ascii=escaped)
    for n, piece in enumerate(raw):
        text = text.replace(f'"@raw{n}@"', piece)
    return text.encode("utf-8", "surrogatepass")
