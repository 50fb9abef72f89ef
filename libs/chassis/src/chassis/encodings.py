"""Which encoding a text file is written in: decided when certain, else shown in every reading.

Most byte sequences are text in several encodings, and the wrong reading looks like other names. A
reading is certain when a byte order mark or the expected column names decide, or when it reads as
words and no other one does. `plausibility` measures how much a word reads like one.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from chassis.plausibility import ENCODINGS, score

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf_7"}
"""Codecs of Python that no file is written in; some take hours for a large one."""
_WORD = re.compile(rb"[0-9@-\xff]+")
"""All other bytes stand for themselves in every encoding here, and are no part of a character."""
_HEAD = 64 * 1024
_MOST_WORDS = 2_000
_LONGEST_WORD = 64
_SAMPLE_LINES = 3
_MOST_READINGS = 8
CLEAR = 0.8
"""The plausibility from which a reading can be the right one."""
DOUBTFUL = 0.6
"""The plausibility up to which a reading is ruled out by a clear one."""
_ENOUGH = 6
"""Characters of two bytes each in UTF-8: so many are no accident of another encoding."""


class UnreadableText(Exception):
    """The bytes are no text in the encoding; the message is a predicate of the file."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The beginning of a text as one encoding reads it."""

    encoding: str
    sample: tuple[str, ...]


class EncodingUnclear(UnreadableText):
    """More than one encoding reads the bytes as words; a person chooses."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        names = ", ".join(reading.encoding for reading in readings)
        super().__init__(f"has no certain encoding; state one of {names}")
        self.readings = tuple(readings)


@dataclass(frozen=True, slots=True)
class Text:
    """A decoded file and the encoding that was used."""

    text: str
    encoding: str
    note: str | None = None


def decode(body: bytes, *, stated: str | None = None, expect: Collection[str] = ()) -> Text:
    """The text of a file. ``expect`` has words that it is known to hold, such as the names of its
    columns. Raises UnreadableText, and EncodingUnclear when nobody stated an uncertain encoding."""
    marked = next((encoding for mark, encoding in _MARKS if body.startswith(mark)), None)
    if marked is not None:
        text = _strictly(body, marked, f"begins with the mark of {marked} and is not written in it")
        other = stated and _family(stated) != _family(marked)
        note = f"its byte order mark says {marked}; {stated} was not used" if other else None
        return Text(text.removeprefix("\ufeff"), marked, note)
    if stated is not None:
        return Text(_strictly(body, stated).removeprefix("\ufeff"), codecs.lookup(stated).name)
    if b"\x1b$" in body:
        raise UnreadableText("holds escapes of ISO 2022; state its encoding, such as iso2022_jp")
    wide = _wide(body)
    if wide is not None:
        return wide
    if body.isascii():
        return Text(body.decode("ascii"), "ascii")
    return _certain(body, [word for word in expect if not word.isascii()])


def _strictly(body: bytes, encoding: str, otherwise: str = "") -> str:
    problem = otherwise or f"is not written in {encoding[:40]}"
    try:
        if codecs.lookup(encoding).name.replace("-", "_") in _NO_TEXT:
            raise LookupError(encoding)
        return body.decode(encoding)
    except (UnicodeError, LookupError, ValueError) as error:
        at = f" (byte {error.start + 1})" if isinstance(error, UnicodeDecodeError) else ""
        raise UnreadableText(f"{problem}{at}; save it as UTF-8") from error


def _family(encoding: str) -> str:
    try:
        return "-".join(codecs.lookup(encoding).name.split("-")[:2])
    except LookupError:
        return encoding


def _wide(body: bytes) -> Text | None:
    """UTF-16 without a mark: its delimiters have a NUL each, and no character is one."""
    for encoding in ("utf-16-le", "utf-16-be") if b"\0" in body[:_HEAD] else ():
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        scores = [score(word.decode("utf-8", "ignore"), "utf-8") for word in _words(text.encode())]
        delimited = len(re.findall(r"[,;\t|\r\n]", text)) > 1
        if delimited and "\0" not in text and sum(scores) >= CLEAR * len(scores):
            return Text(text, encoding)
    return None


def _words(body: bytes) -> list[bytes]:
    """The different words that hold a byte beyond ASCII, or the beginnings of long ones."""
    found: dict[bytes, None] = {}
    for match in _WORD.finditer(body):
        word = body[match.start() : min(match.end(), match.start() + _LONGEST_WORD)]
        if not word.isascii():
            found[word] = None
            if len(found) == _MOST_WORDS:
                break
    return list(found)


def _certain(body: bytes, expect: Sequence[str]) -> Text:
    """The only reading that can be meant. Raises EncodingUnclear or UnreadableText."""
    words = _words(body)
    heads: dict[str, str] = {}
    for encoding in ENCODINGS:
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" and _is_utf8(text):
            return Text(text, encoding)
        heads[encoding] = text[:_HEAD]
    known = [e for e, head in heads.items() if all(word in head for word in expect)]
    readings = _different(words, known or heads)
    if expect and len(readings) == 1 and known:
        [encoding] = readings
        return Text(body.decode(encoding), encoding)
    scores = {e: [score(word, e) for word in read] for e, read in readings.items()}
    for encoding, ours in scores.items():
        if _mean(ours) >= CLEAR and all(
            _rules_out(readings, scores, encoding, other) for other in scores if other != encoding
        ):
            return Text(body.decode(encoding), encoding)
    if not readings:
        raise UnreadableText("has an unknown encoding; save it as UTF-8")
    best = sorted(scores, key=lambda encoding: -_mean(scores[encoding]))[:_MOST_READINGS]
    likely = [encoding for encoding in best if _mean(scores[encoding]) > 1 - CLEAR] or best
    raise EncodingUnclear([Reading(e, _sample(body, e)) for e in likely])


def _is_utf8(text: str) -> bool:
    """Whether bytes that are valid UTF-8 are meant so. A word or two of another encoding can be
    valid by accident: then each character has two bytes and stands beside no ASCII letter."""
    beyond = [found[0] for found in islice(re.finditer(r"[^\x00-\x7f]", text), _ENOUGH)]
    beside = re.search(r"[A-Za-z][^\x00-\x7f]|[^\x00-\x7f][A-Za-z]", text)
    return max(beyond) > "\u07ff" or len(beyond) == _ENOUGH or beside is not None


def _different(words: Sequence[bytes], encodings: Iterable[str]) -> dict[str, list[str]]:
    """The words in each reading; of encodings that read them alike only the first."""
    found: dict[tuple[str, ...], str] = {}
    for encoding in encodings:
        found.setdefault(tuple(word.decode(encoding, "ignore") for word in words), encoding)
    return {encoding: list(read) for read, encoding in found.items()}


def _rules_out(
    readings: Mapping[str, Sequence[str]],
    scores: Mapping[str, Sequence[float]],
    ours: str,
    other: str,
) -> bool:
    """Whether the words that two encodings read differently are words in ours alone."""
    pairs = zip(readings[ours], readings[other], scores[ours], scores[other], strict=True)
    differing = [(mine, theirs) for a, b, mine, theirs in pairs if a != b]
    return (
        _mean([mine for mine, _ in differing]) >= CLEAR
        and _mean([theirs for _, theirs in differing]) <= DOUBTFUL
    )


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores) if scores else 0.0


def _sample(body: bytes, encoding: str) -> tuple[str, ...]:
    """The first lines that hold a character beyond ASCII, without NUL: no JSON may hold one."""
    lines = [line for line in re.split(rb"[\r\n]+", body[:_HEAD]) if not line.isascii()]
    read = (line.decode(encoding, "replace")[:80] for line in lines[:_SAMPLE_LINES])
    return tuple(line.replace("\0", "\ufffd") for line in read)
