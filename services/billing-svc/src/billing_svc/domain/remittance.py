"""What the free text of a bank line names: our invoice numbers, and references of prepayments."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from contracts.references import canonical

LONGEST_REFERENCE = 140
MOST_WORDS = 12
"""A reference of more words is found only where it is the whole text."""

# Letters and digits of any script, except those of Chinese, Japanese and Korean, which are written
# without blanks between a word and a number.
_WORD = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_GAP = r"(?:\s*[-\u2010-\u2015\u2212]\s*|\s+)"
_NUMBER = re.compile(
    rf"(?<!{_WORD})(?<!{_WORD}-)INV{_GAP}([0-9]{{4}}){_GAP}([0-9]{{6,12}})"
    rf"(?!{_WORD})(?!-{_WORD})(?![./][0-9])",
    re.IGNORECASE,
)
_AROUND = ".,;:!?()[]{}<>\"'"


def invoice_numbers(text: str) -> list[str]:
    """The invoice numbers in a text, each once: whole words in any case, with blanks and line
    breaks between their parts. A number inside a longer one is no number of ours."""
    folded = unicodedata.normalize("NFKC", canonical(text))
    found = (f"INV-{year}-{number}" for year, number in _NUMBER.findall(folded))
    return list(dict.fromkeys(found))


def possible_references(*texts: str | None) -> list[str]:
    """What of these texts may be the reference of a prepayment, in canonical form: each text as a
    whole, and each run of words with a digit in it."""
    found = (phrase for text in texts if text for phrase in _phrases(canonical(text)))
    return [phrase for phrase in dict.fromkeys(found) if 0 < len(phrase) <= LONGEST_REFERENCE]


def _phrases(text: str) -> Iterator[str]:
    yield text
    words = text.split(" ")
    for first in range(len(words)):
        for last in range(first + 1, min(first + MOST_WORDS, len(words)) + 1):
            phrase = " ".join(words[first:last])
            if any(character.isdigit() for character in phrase):
                yield phrase
                yield phrase.strip(_AROUND)
