"""What lead-svc decides without a person."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from chassis.bounds import Code, Hours, Score
from chassis.policies import Policies, Policy
from contracts.consents import STANDARD_NAME, STANDARD_TEXT, hash_of


class Qualification(Policy):
    """When a lead qualifies by itself, and how soon a person must look at the others."""

    threshold: Score = 80
    """Score, of 100, from which a lead with a stated need qualifies by itself."""
    express: bool = True
    """Whether a complete web order qualifies whatever its score."""
    review_within_hours: Hours = 48
    contact_within_hours: Hours = 24


class ConsentText(BaseModel):
    """A text that customers are shown and agree to."""

    model_config = ConfigDict(extra="forbid")

    name: Code
    text: str = Field(min_length=1, max_length=50_000)

    @property
    def text_hash(self) -> str:
        """SHA-256 of the text in UTF-8, hexadecimal. A consent cites it."""
        return hash_of(self.text)


class Consents(Policy):
    """The texts that a consent may cite. A consent to another text is refused."""

    texts: tuple[ConsentText, ...] = Field(
        default=(ConsentText(name=STANDARD_NAME, text=STANDARD_TEXT),), max_length=100
    )


policies = Policies(qualification=Qualification, consents=Consents)
