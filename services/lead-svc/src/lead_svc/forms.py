"""What callers send about leads, and how it is brought into normal form."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError

from chassis.http import ApiModel
from chassis.problems import field_errors
from contracts.asked import AskedOrder
from contracts.instants import PastInstant
from contracts.money import NonNegativeMoney
from contracts.parties import Owner
from contracts.terms import Origin
from lead_svc.commands.capture import CaptureLead
from lead_svc.domain import identity


class ContactForm(ApiModel):
    """The person."""

    name: str = Field(min_length=1, max_length=200, examples=["王小明"])
    email: str | None = Field(default=None, max_length=254, examples=["wang@example.cn"])
    phone: str | None = Field(default=None, max_length=40, examples=["+86 138 0013 8000"])


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
    owner: Owner | None = None
    order: AskedOrder | None = None
    captured_at: PastInstant | None = None

    def command(self) -> CaptureLead:
        """In normal form. Raises UnreadableField."""
        name = identity.clean(self.contact.name)
        if name is None:
            raise identity.UnreadableField("contact/name", "must not be blank")
        return CaptureLead(
            name=name,
            email=identity.normal_email(self.contact.email),
            phone=identity.normal_phone(self.contact.phone),
            company=identity.clean(self.company.name) if self.company else None,
            domain=identity.clean(self.company.domain) if self.company else None,
            origin=Origin.model_validate(self.origin, from_attributes=True),
            need=identity.clean(self.need),
            budget=self.budget,
            owner=self.owner,
            order=self.order,
            captured_at=self.captured_at,
        )


def read_row(row: Any) -> CaptureLead | list[dict[str, str]]:
    """A lead of a batch, or what is wrong with it, field by field."""
    try:
        return LeadForm.model_validate(row).command()
    except ValidationError as error:
        return [e.model_dump() for e in field_errors(error.errors(include_url=False)[:20])]
    except identity.UnreadableField as error:
        pointer = "/contact/" + error.field if "/" not in error.field else "/" + error.field
        return [{"pointer": pointer, "detail": str(error)}]
