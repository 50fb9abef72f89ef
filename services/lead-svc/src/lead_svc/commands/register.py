"""The register of customers and their people: each known once, by what it is recognised by."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.transaction import Transaction
from contracts.keys import bounded, company_key
from contracts.parties import Account, Contact
from lead_svc.domain.identity import UnreadableField, email_key, read_email, read_phone
from lead_svc.storage import PartyRow

PARTIES = UUID("6c74632d-7061-7274-7900-000000000001")
"""Namespace of the register: a party's id follows from what it is recognised by, so two
services or two transactions never make two of one."""


def party_row(
    kind: str,
    party_id: UUID,
    key: str,
    name: str,
    now: datetime,
    *,
    email: str | None = None,
    phone: str | None = None,
    domain: str | None = None,
) -> dict[str, Any]:
    return {
        "id": party_id,
        "kind": kind,
        "key": key,
        "name": name,
        "email": email,
        "phone": phone,
        "domain": domain,
        "first_seen_at": now,
    }


def contact_key(email: str | None, phone: str | None, otherwise: UUID) -> str:
    """The key of a person: by e-mail, else by telephone, else alone. An address that nobody can
    read, as an event may carry, is its own key."""
    try:
        email, phone = read_email(email), read_phone(phone)
    except UnreadableField:
        return bounded(f"person:{email or phone}")
    return bounded(f"person:{email_key(email) if email else phone or otherwise}")


def learn_parties(
    account: Account | None, contact: Contact | None, at: datetime, tx: Transaction
) -> None:
    """Take up who appeared first elsewhere, under the ids given there; who is known stays."""
    if account is not None:
        named = account.domain or company_key(account.name) or account.account_id
        key = bounded(f"company:{named}")
        row = party_row("account", account.account_id, key, account.name, at, domain=account.domain)
        tx.insert_if_new(PartyRow, **row)
    if contact is not None:
        key = contact_key(contact.email, contact.phone, contact.contact_id)
        row = party_row(
            "contact",
            contact.contact_id,
            key,
            contact.name,
            at,
            email=contact.email,
            phone=contact.phone,
        )
        tx.insert_if_new(PartyRow, **row)
