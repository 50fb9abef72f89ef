"""What a line costs: pure arithmetic on Money with one rounding rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from pydantic import BaseModel

from contracts.keys import sku_key
from contracts.money import Money
from contracts.terms import PricedLine, Totals, WantedLine

HUNDRED = Decimal(100)


class Tier(BaseModel, frozen=True):
    """A price from some quantity on."""

    from_quantity: int
    price: Money


class Item(BaseModel, frozen=True):
    """A product in a price book. ``tiers`` are cheaper prices for larger quantities."""

    sku: str
    name: str
    kind: str
    list_price: Money
    tax_percent: Decimal
    tiers: tuple[Tier, ...] = ()

    def price_for(self, quantity: int) -> Money:
        """The list price, or that of the largest tier reached."""
        reached = [tier for tier in self.tiers if quantity >= tier.from_quantity]
        return max(reached, key=lambda t: t.from_quantity).price if reached else self.list_price


class UnknownProduct(LookupError):
    """The price book has no such product, or several; carries the names."""

    def __init__(self, skus: Sequence[str]) -> None:
        super().__init__(", ".join(skus))
        self.skus = tuple(skus)


class PriceBook:
    """The products of a book in one currency, by their exact names and by their keys."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = {item.sku: item for item in items}
        self._by_key: dict[str, Item | None] = {}
        for item in self.items.values():
            key = sku_key(item.sku)
            self._by_key[key] = None if key in self._by_key else item

    def find(self, sku: str) -> Item | None:
        """The product of exactly this name, else the only one with its key: ``GTXPro`` is ``GTX
        Pro``. ``None`` where no product, or more than one, could be meant."""
        return self.items.get(sku) or self._by_key.get(sku_key(sku))


def price_lines(wanted: Sequence[WantedLine], book: PriceBook) -> tuple[PricedLine, ...]:
    """Price every line. Raises UnknownProduct with the names that mean no product of the book."""
    found = [book.find(line.sku) for line in wanted]
    missing = [line.sku for line, item in zip(wanted, found, strict=True) if item is None]
    if missing:
        raise UnknownProduct(missing)
    return tuple(
        _priced(n, line, item)
        for n, (line, item) in enumerate(zip(wanted, found, strict=True), start=1)
        if item is not None
    )


def _priced(line_no: int, wanted: WantedLine, item: Item) -> PricedLine:
    price = item.price_for(wanted.quantity)
    gross_of_discount = price * wanted.quantity
    net = gross_of_discount.scaled((HUNDRED - wanted.discount_percent) / HUNDRED)
    return _line(line_no, item, wanted.quantity, price, wanted.discount_percent, net)


def _line(
    line_no: int, item: Item, quantity: int, price: Money, discount: Decimal, net: Money
) -> PricedLine:
    return PricedLine(
        line_no=line_no,
        sku=item.sku,
        name=item.name,
        kind=item.kind,
        quantity=quantity,
        list_price=price,
        discount_percent=discount,
        net=net,
        tax_percent=item.tax_percent,
        tax=net.percentage(item.tax_percent),
    )


def agree_on(lines: Sequence[PricedLine], agreed: Money) -> tuple[PricedLine, ...]:
    """Bring the lines to a net price agreed elsewhere, shared by list value; no cent is lost."""
    weights = [max(1, line.list_price.minor * line.quantity) for line in lines]
    shares = agreed.split(*weights)
    result = []
    for line, net in zip(lines, shares, strict=True):
        listed = line.list_price.minor * line.quantity
        off = Decimal(listed - net.minor) * HUNDRED / listed if listed else Decimal(0)
        discount = off.quantize(Decimal("0.01"))
        changes = {
            "net": net,
            "discount_percent": discount,
            "tax": net.percentage(line.tax_percent),
        }
        result.append(line.model_copy(update=changes))
    return tuple(result)


def totals(lines: Sequence[PricedLine], currency: str) -> Totals:
    """Sums over the lines; the tax of a document is the sum of its lines' taxes."""
    net = Money.total((line.net for line in lines), currency)
    tax = Money.total((line.tax for line in lines), currency)
    return Totals(net=net, tax=tax, gross=net + tax)


def discount_over_all(lines: Sequence[PricedLine]) -> Decimal:
    """100 − net ÷ list × 100, over the whole document, to two decimals."""
    listed = sum(line.list_price.minor * line.quantity for line in lines)
    if not listed:
        return Decimal(0)
    net = sum(line.net.minor for line in lines)
    return (HUNDRED - Decimal(net) * HUNDRED / listed).quantize(Decimal("0.01"))


def within_limits(
    lines: tuple[PricedLine, ...], totals: Totals, *, discount: Decimal, gross: Decimal
) -> str | None:
    """Which limit an offer goes beyond; none when a policy may approve it."""
    off = discount_over_all(lines)
    if off > discount:
        return f"discount {off} % is more than {discount} %"
    if Decimal(totals.gross.amount) > gross:
        return f"gross {totals.gross} is more than {gross}"
    return None
