"""Who may say what for a customer: consents and payments come from the shop alone."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.terms import Consent, WebOrder
from lead_svc.domain.identity import UnreadableField


class NotTheirAct(UnreadableField):
    """One party speaks for another."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a lead."""

    sub: str
    brings_orders: bool
    """Whether their role is to bring what customers did in the shop (``integration_web``)."""
    published: frozenset[str]
    """SHA-256 of each text that a consent may cite."""

    def accepted(self, order: WebOrder | None) -> WebOrder | None:
        """The order with who captured its consent. Raises NotTheirAct for a customer's act from
        somebody else, UnreadableField for a consent to a text that was not published."""
        if order is None:
            return None
        for name, act in (("consent", order.consent), ("prepayment", order.prepayment)):
            if act is not None and not self.brings_orders:
                raise NotTheirAct(
                    f"order/{name}",
                    f"a customer's {name} comes from the role integration_web alone",
                )
        if order.consent is None:
            return order
        if order.consent.text_hash not in self.published:
            raise UnreadableField(
                "order/consent/text_hash", "is not the hash of a published text (GET /consents)"
            )
        consent = order.consent.model_dump() | {"captured_by": self.sub}
        return order.model_copy(update={"consent": Consent.model_validate(consent)})
