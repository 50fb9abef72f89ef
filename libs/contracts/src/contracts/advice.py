"""The rules of compatibility: what each edit does to others, and what to do instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ADVICE: Final[dict[str, str]] = {
    "field-removed": "keep it and fill it; leave it out of a new version published beside this one",
    "field-renamed": "add the new name as an optional field and fill both",
    "type-changed": "add an optional field of the new type under another name and fill both",
    "money-changed": "keep amount and currency together; add what else is wanted beside them",
    "required-added": "make the new field optional",
    "became-required": "leave it optional; require it in a new version",
    "became-optional": "keep it required: present hearers count on it",
    "null-allowed": "always say a value; let a new optional field tell of the case without one",
    "null-forbidden": "go on reading null, for facts already said; forbid it in a new version",
    "constraint-tightened": "keep the constraint; tighten at the API, where the text comes in",
    "constraint-loosened": "let hearers read more first (keep the published bound); say more in a"
    " new version",
    "enum-narrowed": "keep the value, even if nobody says it any more",
    "enum-widened": "make it open text with known values (x-extensible-enum), in a new version",
    "closed": "keep it open to unknown fields",
    "unit-changed": "add an optional field that counts in the other unit and fill both",
    "time-changed": "keep instants to the microsecond and with their offset",
    "meaning-changed": "keep the words or add to them; say another thing in a new optional field",
    "personal-unmarked": "keep the mark: others delete and mask by it",
    "personal-widened": "say it in a fact of its own: present hearers of this one may not hold"
    " personal data",
    "default-changed": "keep the default: it is what an old fact without the field means",
    "key-changed": "publish a new version: order and partitions hang on the key",
    "partitions-changed": "publish on a new topic version: other partitions put keys out of order",
    "topic-changed": "publish a new version on the other topic beside this one",
    "header-lost": "go on sending the header",
    "type-removed": "keep saying it until nobody needs it, then name it in catalog.RETIRED",
    "type-renamed": "say the fact under both names until nobody hears the old one",
    "version-reused": "take the next version number; this one has meant something else",
    "fixture-edited": "put it back; a new sample belongs to a new version",
    "fixture-removed": "put it back; it is what this version has promised",
    "fixture-unreadable": "make the model read it again",
    "sample-unreadable": "say nothing that the published schema refuses",
}


@dataclass(frozen=True, slots=True)
class Breach:
    """One edit that breaks somebody."""

    type: str
    field: str
    """JSON pointer into the value; empty for the fact itself."""
    rule: str
    detail: str

    def __str__(self) -> str:
        where = f" {self.field}" if self.field else ""
        return f"{self.type}{where}: {self.rule}: {self.detail}. Instead: {ADVICE[self.rule]}."
