"""When each fact is said: what has to happen first. The catalogue refuses a fact without one."""

from __future__ import annotations

from typing import Final

from contracts.catalog import CATALOG

_SAID: Final = {
    "ltc.lead.captured": "When a form, an import or a person at the keyboard brings somebody new.",
    "ltc.lead.assigned": "When a policy or a manager gives the lead an owner, each time anew.",
    "ltc.lead.qualified": "When the policy's score or a seller says that it is worth a deal.",
    "ltc.lead.disqualified": "When a seller or the policy gives it up.",
    "ltc.lead.reopened": "When a person takes a disqualified lead back to work.",
    "ltc.lead.merged": "When a person or the policy finds that it is another lead again.",
    "ltc.lead.converted": "After `ltc.deal.opened` of the deal that this lead asked for.",
    "ltc.deal.opened": "After `ltc.lead.qualified`, by a seller's hand, or by an import.",
    "ltc.deal.stage_changed": "When a seller moves it or judges it anew, and when a quote or"
    " contract has moved it on or back.",
    "ltc.deal.proposal_requested": "When a seller asks for an offer; on the express way with the"
    " opening.",
    "ltc.deal.won": "After `ltc.contract.signed`; for an import, with the record of its end.",
    "ltc.deal.lost": "When its owner gives it up, and for an import that ended so.",
    "ltc.deal.reopened": "When a manager brings a lost deal back.",
    "ltc.quote.drafted": "After `ltc.deal.proposal_requested`: once for each request.",
    "ltc.quote.approval_requested": "With the draft, when the policy wants a person's approval.",
    "ltc.quote.approved": "When the approver agrees, or the policy lets it pass.",
    "ltc.quote.rejected": "When the approver refuses.",
    "ltc.quote.sent": "When an approved version goes to the customer, by itself or by a seller.",
    "ltc.quote.accepted": "When the customer accepts over their link, a seller records it, or the"
    " consent of a web order covers it.",
    "ltc.quote.declined": "When the customer says no, over their link or to a seller.",
    "ltc.quote.expired": "When the time of validity has passed with no answer.",
    "ltc.quote.superseded": "When the next version is drafted, and after `ltc.deal.lost`.",
    "ltc.contract.drafted": "After `ltc.quote.accepted`: once for each accepted version.",
    "ltc.contract.sent_for_signature": "When the draft is free to go to its parties.",
    "ltc.contract.party_signed": "Each time that one party has signed.",
    "ltc.contract.signed": "With the last signature that was missing.",
    "ltc.contract.declined": "When a party refuses over its link, or a seller records it.",
    "ltc.contract.withdrawn": "When a person takes it back, and when the offer or deal behind it"
    " was given up before the last signature.",
    "ltc.contract.terminated": "After the order has cancelled what was left, as was asked.",
    "ltc.order.placed": "After `ltc.contract.signed`: once for each contract.",
    "ltc.order.held": "With the placing where prepayment is due, after `ltc.prepayment.refused`,"
    " and when a person holds it.",
    "ltc.order.released": "After the payment that was waited for, or by a person.",
    "ltc.order.shipped": "When the ERP or the order desk reports a shipment.",
    "ltc.order.delivered": "When the ERP, the carrier or the order desk has evidence of arrival;"
    " on the express way after `ltc.prepayment.confirmed`.",
    "ltc.order.cancelled": "When the desk cancels open pieces, and when the contract is to end.",
    "ltc.order.fulfilled": "With the delivery or cancellation that leaves nothing open.",
    "ltc.invoice.issued": "When an item of the contract's schedule falls due: with the signature,"
    " a delivery, or days later.",
    "ltc.invoice.paid": "With the allocation or credit that leaves nothing outstanding.",
    "ltc.invoice.overdue": "On the day after the due date, while something is outstanding.",
    "ltc.invoice.credited": "When finance or a cancellation takes back what is not owed.",
    "ltc.prepayment.confirmed": "After `ltc.contract.signed` of an order that states a prepayment,"
    " once, when it counts.",
    "ltc.prepayment.refused": "After `ltc.contract.signed` of an order that states a prepayment,"
    " once, when it does not count.",
    "ltc.payment.received": "When a bank statement's line or a provider's confirmation is booked.",
    "ltc.payment.allocated": "When money is matched with invoices, by reference or by finance.",
    "ltc.payment.unallocated": "When finance takes a match back, or the money went back.",
    "ltc.payment.returned": "When a statement shows that money went back to its payer.",
    "ltc.journey.settled": "Once, when the last of delivery, invoice and payment is complete.",
}  # fmt: skip
_GATES: Final = {
    "gate_opened": "When the aggregate cannot go on without somebody.",
    "gate_cleared": "When they acted, or the wait has become needless.",
    "gate_overdue": "When a sweep finds the due time passed, once for each gate.",
}

OCCASIONS: Final[dict[str, str]] = {
    name: _SAID.get(stem) or _GATES[stem.rpartition(".")[2]]
    for name in CATALOG
    for stem in [name.rpartition(".")[0]]
}
"""By wire type."""
