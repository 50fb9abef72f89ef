"""The wording of a contract: the same input always gives the same text, and the text its hash."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from pydantic import BaseModel

from contracts.parties import Account
from contracts.terms import PricedLine, ScheduleItem, Totals
from contracts.text import one_line

DUE = {
    "on_signature": "签署时 · on signature",
    "on_delivery": "交付时 · on delivery",
    "days_after_signature": "签署后天数 · days after signature",
}


class Clause(BaseModel, frozen=True):
    """A clause of the library, in one version and both languages."""

    clause_id: str
    version: int
    title_zh: str
    title_en: str
    text_zh: str
    text_en: str

    @property
    def name(self) -> str:
        return f"{self.clause_id}@{self.version}"


def render(
    *,
    number: str,
    quote: str,
    legal_entity: str,
    account: Account,
    lines: Sequence[PricedLine],
    totals: Totals,
    schedule: Sequence[ScheduleItem],
    clauses: Sequence[Clause],
) -> str:
    """The contract's text, Chinese and English side by side."""
    parts = [
        f"合同 · Contract {number}",
        f"甲方 · Customer: {one_line(account.name)}",
        f"乙方 · Supplier: {legal_entity}",
        f"依据报价 · According to quote {quote}",
        "",
        "标的 · Subject",
        *(f"{x.line_no}. {one_line(x.name)} × {x.quantity} — {x.net} (+ {x.tax})" for x in lines),
        f"净额 · Net {totals.net}; 税额 · tax {totals.tax}; 合计 · total {totals.gross}",
        "",
        "付款 · Payment",
        *(f"{i.n}. {i.amount} — {DUE.get(i.due, i.due)} {i.days or ''}".rstrip() for i in schedule),
    ]
    for clause in clauses:
        parts += [
            "",
            f"{clause.title_zh} · {clause.title_en} [{clause.name}]",
            clause.text_zh,
            clause.text_en,
        ]
    return "\n".join(parts) + "\n"


def text_hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
