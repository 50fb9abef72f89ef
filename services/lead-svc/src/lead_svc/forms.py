"""What callers send about leads: text as it was written, addresses and numbers as they are read."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError

from chassis.http import ApiModel
from chassis.problems import field_errors
from contracts.asked import AskedOrder, AskedOwner
from contracts.instants import PastInstant
from contracts.money import NonNegativeMoney
from contracts.terms import Origin
from contracts.text import as_written
from lead_svc.commands.capture import CaptureLead
from lead_svc.domain import identity
from lead_svc.domain.consent import Sender


class ContactForm(ApiModel):
    """The person."""

    name: str = Field(min_length=1, max_length=200, examples=["王小明"])
    email: str | None = Field(default=None, max_length=320, examples=["wang@example.cn"])
    phone: str | None = Field(default=None, max_length=60, examples=["+86 138 0013 8000 ext. 12"])
    phone_region: str | None = Field(
        default=None,
        max_length=2,
        examples=["US"],
        description="Country, by ISO 3166, of a telephone number without a country code."
        " Without it a number is read as one of China, and refused when it is not written as one.",
    )


class CompanyForm(ApiModel):
    """The company."""

    name: str = Field(min_length=1, max_length=200, examples=["示例科技有限公司"])
    domain: str | None = Field(default=None, max_length=253)


class OriginForm(ApiModel):
    """Where they came from."""

    channel: str = Field(min_length=1, max_length=40, examples=["website"])
    campaign: str | None = Field(default=None, max_length=100)
    medium: str | None = Field(default=None, max_length=100)
    source_system: str | None = Field(default=None, max_length=100)
    external_id: str | None = Field(default=None, max_length=200)


class LeadForm(ApiModel):
    """One lead."""

    contact: ContactForm
    company: CompanyForm | None = None
    origin: OriginForm
    need: str | None = Field(default=None, max_length=2000)
    budget: NonNegativeMoney | None = None
    owner: AskedOwner | None = None
    order: AskedOrder | None = None
    captured_at: PastInstant | None = None

    def command(self, sender: Sender) -> CaptureLead:
        """As it is to be stored. Raises UnreadableField."""
        name = as_written(self.contact.name)
        if name is None:
            raise identity.UnreadableField("contact/name", "must not be blank")
        return CaptureLead(
            name=name,
            email=identity.read_email(self.contact.email),
            phone=identity.read_phone(self.contact.phone, self.contact.phone_region),
            company=as_written(self.company.name) if self.company else None,
            domain=identity.read_domain(self.company.domain) if self.company else None,
            origin=Origin.model_validate(self.origin, from_attributes=True),
            need=as_written(self.need),
            budget=self.budget,
            owner=self.owner,
            order=sender.accepted(self.order),
            captured_at=self.captured_at,
        )


def read_row(row: Any, sender: Sender) -> CaptureLead | list[dict[str, str]]:
    """A lead of a batch, or what is wrong with it, field by field."""
    try:
        return LeadForm.model_validate(row).command(sender)
    except ValidationError as error:
        return [e.model_dump() for e in field_errors(error.errors(include_url=False)[:20])]
    except identity.UnreadableField as error:
        return [{"pointer": f"/{error.field}", "detail": str(error)}]
