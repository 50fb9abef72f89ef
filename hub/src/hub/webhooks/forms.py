"""What people send about webhooks, and what they are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from chassis.http import ApiModel, unprocessable
from contracts.catalog import FACTS, STAGES
from contracts.instants import DueInstant
from contracts.money import Money
from hub.webhooks.choosing import Choice, unknown
from hub.webhooks.replays import ReplayState
from hub.webhooks.retrying import Outcome, State
from hub.webhooks.signature import Scheme

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class FilterForm(ApiModel):
    """Which facts an endpoint gets; empty of a kind: all."""

    types: list[Name] = Field(
        default=[], max_length=50, description="`ltc.deal.won.v1`, `deal.won` or `deal.*`"
    )
    stages: list[Name] = Field(default=[], max_length=6)
    owners: list[Name] = Field(
        default=[], max_length=100, description="the subject of the owner's token"
    )
    amount_at_least: Money | None = Field(
        default=None, description="facts of so much or more in this currency, and no others"
    )

    def choice(self) -> Choice:
        """The filter, checked. Raises Problem."""
        if strange := unknown(self.types, tuple(FACTS)):
            raise unprocessable("/body/filter/types", f"no fact is called {strange!r}")
        for stage in self.stages:
            if stage not in STAGES:
                known = ", ".join(STAGES)
                raise unprocessable("/body/filter/stages", f"{stage!r} is none of {known}")
        least = self.amount_at_least
        return Choice(
            tuple(self.types),
            tuple(self.stages),
            tuple(self.owners),
            least.minor if least is not None else None,
            least.currency if least is not None else None,
        )


class EndpointForm(ApiModel):
    url: str = Field(max_length=2048, examples=["https://erp.example.com/hooks/ltc"])
    description: str = Field(default="", max_length=500, pattern=r"^[^\x00]*$")
    filter: FilterForm = FilterForm()
    ordered: bool = Field(
        default=True, description="a fact waits for the earlier ones of its aggregate"
    )
    signature: Scheme = "hmac"
    subscriber: Name | None = Field(
        default=None, description="whose it is, when an administrator makes it for another"
    )


class EndpointChange(ApiModel):
    url: str | None = Field(default=None, max_length=2048)
    description: str | None = Field(default=None, max_length=500, pattern=r"^[^\x00]*$")
    filter: FilterForm | None = None


class RotationForm(ApiModel):
    signature: Scheme | None = Field(default=None, description="default: as before")
    overlap_hours: int = Field(
        default=24, ge=0, le=168, description="how long the old secret still signs; 0: not at all"
    )


class ResendForm(ApiModel):
    """One event. Many are a replay."""

    event_id: UUID


class ReplayForm(ApiModel):
    """What of the feed to deliver again: all that is kept and that meets each word given here, the
    endpoint's filter and its subscriber's grant."""

    from_: DueInstant | None = Field(
        default=None, alias="from", description="what came in at this instant or later"
    )
    to: DueInstant | None = Field(default=None, description="and before this; default: now")
    types: list[Name] = Field(
        default=[], max_length=50, description="`ltc.deal.won.v1`, `deal.won` or `deal.*`"
    )
    subject: UUID | None = Field(default=None, description="one aggregate")
    journey: UUID | None = Field(default=None, description="one journey")
    dry_run: bool = Field(default=False, description="only tell how many facts that is")

    @model_validator(mode="after")
    def _something_in_order(self) -> Self:
        if not (self.from_ or self.types or self.subject or self.journey):
            raise ValueError("say `from` when, or which types, subject or journey")
        if self.from_ is not None and self.to is not None and self.to <= self.from_:
            raise ValueError("`to` is after `from`")
        return self

    def checked(self) -> Self:
        """Itself, when each of its types names a fact. Raises Problem."""
        if strange := unknown(self.types, tuple(FACTS)):
            raise unprocessable("/body/types", f"no fact is called {strange!r}")
        return self


class SecretView(BaseModel):
    """What deliveries are signed with; a shared secret is shown once, when it is made."""

    id: UUID
    signature: Scheme
    public_key: str | None
    created_at: datetime
    expires_at: datetime | None


class NewSecret(SecretView):
    """With what the receiver verifies by: a shared secret (keep it: it is not shown again) or a
    public key."""

    secret: str


class Backlog(BaseModel):
    """What is not delivered yet."""

    pending: int = 0
    oldest_at: datetime | None = None
    next_attempt_at: datetime | None = None


class FilterView(BaseModel):
    types: list[str]
    stages: list[str]
    owners: list[str]
    amount_at_least: Money | None


class EndpointView(BaseModel):
    """An endpoint, how it does and what waits for it."""

    id: UUID
    subscriber: str
    url: str
    description: str
    filter: FilterView
    ordered: bool
    status: Literal["enabled", "disabled"]
    notice: str | None
    """Why it was switched off."""
    failing_since: datetime | None
    quiet_until: datetime | None
    """Until when its receiver asked, by `Retry-After`, to be left alone; none: it did not."""
    secrets: list[SecretView]
    backlog: Backlog
    created_at: datetime


class NewEndpoint(EndpointView):
    secret: NewSecret


class DeliveryView(BaseModel):
    """One fact on its way to one endpoint."""

    event_id: UUID
    type: str
    subject: UUID
    state: State
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


class AttemptView(BaseModel):
    """One attempt: what was sent and what came back, as far as the log keeps it."""

    at: datetime
    duration_ms: int
    outcome: Outcome
    status: int | None
    url: str
    request_headers: dict[str, Any]
    request_body: str
    response_headers: dict[str, Any]
    response_body: str
    error: str


class DeliveryLog(DeliveryView):
    log: list[AttemptView]


class Queued(BaseModel):
    """How many deliveries were asked for."""

    queued: int


class Matching(BaseModel):
    """How many facts a replay would be of."""

    matched: int
    complete: bool
    """False: at least so many; it was not counted further."""


class ReplayView(BaseModel):
    """A replay, and how far it has come."""

    id: UUID
    types: list[str]
    subject: UUID | None
    journey: UUID | None
    from_: datetime | None = Field(serialization_alias="from")
    to: datetime | None
    state: ReplayState
    looked_through: float
    """Which share of its part of the feed."""
    matched: int
    """So far."""
    queued: int
    """Of these: what was on its way already when the replay came to it is not queued again."""
    delivered: int
    given_up: int
    dropped: int
    pending: int
    """With the three before: what was asked for once more since, by somebody or by a later replay,
    counts there."""
    asked_by: str
    created_at: datetime
    ended_at: datetime | None


class TestSent(BaseModel):
    """By which the test's delivery is found."""

    event_id: UUID
