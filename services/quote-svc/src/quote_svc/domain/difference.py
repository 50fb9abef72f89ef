"""What changed between two versions of an offer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel

from contracts.money import Money
from contracts.terms import PricedLine, Totals
from quote_svc.domain.version import Version


class ChangedLine(BaseModel, frozen=True):
    """A product in both versions, at another quantity, price or discount."""

    before: PricedLine
    after: PricedLine
    net_change: Money


class Difference(BaseModel, frozen=True):
    """Lines added, removed and changed, and what that does to the sums."""

    from_version: int
    to_version: int
    added: tuple[PricedLine, ...]
    removed: tuple[PricedLine, ...]
    changed: tuple[ChangedLine, ...]
    totals_before: Totals | None
    totals_after: Totals | None
    net_change: Money
    gross_change: Money
    terms_changed: bool


def difference(before: Version, after: Version, currency: str) -> Difference:
    """Compare product by product; a product on several lines is compared in their order."""
    old, new = _by_product(before.lines), _by_product(after.lines)
    nothing = Money.zero(currency)
    net = [v.totals.net if v.totals else nothing for v in (before, after)]
    gross = [v.totals.gross if v.totals else nothing for v in (before, after)]
    return Difference(
        from_version=before.version,
        to_version=after.version,
        added=tuple(line for key, line in new.items() if key not in old),
        removed=tuple(line for key, line in old.items() if key not in new),
        changed=tuple(
            ChangedLine(before=old[key], after=line, net_change=line.net - old[key].net)
            for key, line in new.items()
            if key in old and line.model_copy(update={"line_no": old[key].line_no}) != old[key]
        ),
        totals_before=before.totals,
        totals_after=after.totals,
        net_change=net[1] - net[0],
        gross_change=gross[1] - gross[0],
        terms_changed=before.payment_terms != after.payment_terms,
    )


def _by_product(lines: Sequence[PricedLine]) -> dict[tuple[str, int], PricedLine]:
    seen: Counter[str] = Counter()
    found = {}
    for line in lines:
        found[line.sku, seen[line.sku]] = line
        seen[line.sku] += 1
    return found
