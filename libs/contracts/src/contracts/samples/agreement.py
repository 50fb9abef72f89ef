"""The sample journey from the first price to the signed contract."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from contracts.contract import (
    ContractDeclined,
    ContractDrafted,
    ContractPartySigned,
    ContractSentForSignature,
    ContractSigned,
    ContractTerminated,
    ContractWithdrawn,
)
from contracts.event import Event
from contracts.quote import (
    QuoteAccepted,
    QuoteApprovalRequested,
    QuoteApproved,
    QuoteDeclined,
    QuoteDrafted,
    QuoteExpired,
    QuoteRejected,
    QuoteSent,
    QuoteSuperseded,
)
from contracts.samples.parts import (
    ACCOUNT,
    CLICK,
    CONTACT,
    CONTRACT,
    DEAL,
    IMPORTED,
    LEAD,
    LINES,
    OWNER,
    PREPAYMENT,
    QUOTE,
    SCHEDULE,
    TERMS,
    TEXT_HASH,
    TOTALS,
    VERSION_HASH,
    at,
)
from contracts.samples.selling import DEAL_NUMBER

VALID_UNTIL: Final = at(5) + timedelta(days=30)

_QUOTE: Final[dict[str, Any]] = {
    "quote_id": QUOTE,
    "number": "Q-2026-000042",
    "deal_id": DEAL,
    "version": 1,
}
_CONTRACT: Final[dict[str, Any]] = {
    "contract_id": CONTRACT,
    "number": "C-2026-000042",
    "deal_id": DEAL,
    "quote_id": QUOTE,
}
_AGREED: Final[dict[str, Any]] = {
    "deal_number": DEAL_NUMBER,
    "lead_id": LEAD,
    "account": ACCOUNT,
    "contact": CONTACT,
    "owner": OWNER,
    "lines": LINES,
    "totals": TOTALS,
    "payment_terms": TERMS,
    "version_hash": VERSION_HASH,
    "prepayment": PREPAYMENT,
    "imported": IMPORTED,
}

AGREEMENT: Final[tuple[Event, ...]] = (
    QuoteDrafted(
        **_QUOTE,
        lines=LINES,
        totals=TOTALS,
        discount_percent=Decimal("7.75"),
        version_hash=VERSION_HASH,
        policy_outcome="approval needed: discount above 5 %",
        drafted_at=at(4),
    ),
    QuoteApprovalRequested(
        **_QUOTE,
        limit="discount above 5 %",
        version_hash=VERSION_HASH,
        requested_by="sales-07",
        requested_at=at(4),
    ),
    QuoteApproved(**_QUOTE, version_hash=VERSION_HASH, approved_by="manager-01", approved_at=at(5)),
    QuoteRejected(**_QUOTE, reason="too deep", rejected_by="manager-01", rejected_at=at(5)),
    QuoteSent(**_QUOTE, totals=TOTALS, valid_until=VALID_UNTIL, sent_by="sales-07", sent_at=at(5)),
    QuoteAccepted(
        **_QUOTE,
        **_AGREED,
        valid_until=VALID_UNTIL,
        evidence=CLICK,
        consent_covers_signature=True,
        accepted_at=at(6),
    ),
    QuoteDeclined(**_QUOTE, reason="price", evidence=CLICK, declined_at=at(6)),
    QuoteExpired(**_QUOTE, valid_until=VALID_UNTIL, expired_at=VALID_UNTIL),
    QuoteSuperseded(**_QUOTE, by_version=2, reason="one line added", superseded_at=at(6)),
    ContractDrafted(
        **_CONTRACT,
        quote_version=1,
        version_hash=VERSION_HASH,
        totals=TOTALS,
        clauses=("liability@1", "acceptance@2"),
        text_hash=TEXT_HASH,
        drafted_at=at(6),
    ),
    ContractSentForSignature(
        **_CONTRACT,
        text_hash=TEXT_HASH,
        signers=("customer", "company"),
        due_at=at(6) + timedelta(days=14),
        sent_at=at(6),
    ),
    ContractPartySigned(
        **_CONTRACT, party="customer", text_hash=TEXT_HASH, evidence=CLICK, signed_at=at(7)
    ),
    ContractSigned(
        **_CONTRACT,
        **_AGREED,
        legal_entity="LTC Software (Shanghai) Co., Ltd.",
        schedule=SCHEDULE,
        text_hash=TEXT_HASH,
        signed_at=at(8),
    ),
    ContractDeclined(**_CONTRACT, party="customer", reason="liability clause", declined_at=at(8)),
    ContractWithdrawn(
        **_CONTRACT,
        reason="the quote was superseded",
        withdrawn_by="sales-07",
        withdrawn_at=at(8),
    ),
    ContractTerminated(
        **_CONTRACT, reason="plant closed", terminated_by="manager-01", terminated_at=at(30)
    ),
)
