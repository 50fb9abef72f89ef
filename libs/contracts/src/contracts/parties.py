"""Who takes part: customers, their people, our people. Personal data is marked ``x-personal``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from contracts.ids import AccountId, ContactId

PERSONAL: dict[str, JsonValue] = {"x-personal": True}


class Snapshot(BaseModel):
    """A part of a fact: what its hearer needs to know, as it was at that moment."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Account(Snapshot):
    """A customer company. lead-svc keeps the register; everyone else keeps this snapshot."""

    account_id: AccountId
    name: str
    domain: str | None = None


class Contact(Snapshot):
    """A person at a customer."""

    contact_id: ContactId
    name: str = Field(json_schema_extra=PERSONAL)
    email: str | None = Field(default=None, json_schema_extra=PERSONAL)
    phone: str | None = Field(
        default=None,
        json_schema_extra=PERSONAL,
        description="E.164, and `;ext=` with the extension where there is one",
    )


class Owner(Snapshot):
    """One of us: the token's subject, and the name for people to read."""

    sub: str
    name: str
    team: str | None = None
    """Whose work it is beside theirs: one of the teams that tokens name."""
