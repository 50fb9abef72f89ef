"""Money: whole minor units and a currency. Never a float, never a bare number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from functools import total_ordering
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from contracts.currencies import EXPONENTS

LIMIT = 10**15
"""The largest number of minor units on either side of zero."""

_AMOUNT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,4})?")


_SURELY_SMALL = 15
"""A number of so many digits is below the limit."""

_WIRE = core_schema.dict_schema(core_schema.str_schema(), core_schema.str_schema())


class MoneyError(ValueError):
    """Two amounts have no result in Money. The message says why, in a sentence for the caller."""


class CurrencyMismatch(MoneyError):
    """Two currencies were mixed without a rate."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other} are two currencies, and no rate is given")


class TooMuchMoney(MoneyError):
    """The amount is beyond the largest that is counted."""


@total_ordering
class Money:
    """An amount of one currency.

    On the wire ``{"amount": "1234.50", "currency": "CNY"}`` with as many decimals as ISO 4217
    gives the currency; here ``minor`` counts its smallest unit (fen, cents, yen).
    """

    __slots__ = ("currency", "minor")

    minor: int
    currency: str

    def __init__(self, minor: int, currency: str) -> None:
        if type(minor) is not int:
            raise ValueError(f"minor units are whole numbers, not {minor!r}")
        if currency not in EXPONENTS:
            raise ValueError(f"{currency!r} is no ISO 4217 currency")
        if not -LIMIT <= minor <= LIMIT:
            raise TooMuchMoney(f"{minor} minor units are more than we can count")
        object.__setattr__(self, "minor", minor)
        object.__setattr__(self, "currency", currency)

    def __reduce__(self) -> tuple[type[Money], tuple[int, str]]:
        return Money, (self.minor, self.currency)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("Money does not change; make another")

    @classmethod
    def parse(cls, amount: str, currency: str) -> Self:
        """From a decimal string. Raises ValueError saying what is wrong with it."""
        exponent = EXPONENTS.get(currency) if isinstance(currency, str) else None
        if exponent is None:
            raise ValueError(f"currency: {currency!r} is no ISO 4217 currency")
        if not isinstance(amount, str) or not _AMOUNT.fullmatch(amount):
            raise ValueError('amount: must be a plain decimal string such as "1234.50"')
        whole, _, fraction = amount.partition(".")
        if len(fraction) > exponent:
            raise ValueError(f"amount: {currency} has {exponent} decimals, {amount} has more")
        return cls(int(whole + fraction.ljust(exponent, "0")), currency)

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(0, currency)

    @property
    def amount(self) -> str:
        """The decimal string, with the currency's own number of decimals."""
        exponent = EXPONENTS[self.currency]
        if exponent == 0:
            return str(self.minor)
        digits = str(self.minor)
        if len(digits) <= exponent or self.minor < 0:
            padded = digits.removeprefix("-").rjust(exponent + 1, "0")
            digits = f"-{padded}" if self.minor < 0 else padded
        return f"{digits[:-exponent]}.{digits[-exponent:]}"

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __mul__(self, quantity: int) -> Money:
        return Money(self.minor * quantity, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    if not TYPE_CHECKING:  # without it the type checker refuses a truth test (truthy-bool)

        def __bool__(self) -> bool:
            raise TypeError(f"{self} has no truth value; ask is_zero, or compare with None")

    @property
    def is_zero(self) -> bool:
        return self.minor == 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.minor == other.minor and self.currency == other.currency

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __hash__(self) -> int:
        return hash((self.minor, self.currency))

    def __repr__(self) -> str:
        return f"Money({self.amount} {self.currency})"

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def scaled(self, factor: Decimal) -> Money:
        """The amount times a factor, rounded half up (away from zero) to the minor unit: the one
        rounding rule of the platform."""
        exact = Decimal(self.minor) * factor
        return Money(int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP)), self.currency)

    def percentage(self, percent: Decimal) -> Money:
        return self.scaled(percent / 100)

    def split(self, *weights: int) -> list[Money]:
        """Share by weight; the parts always add up to the whole."""
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError("weights must not be negative and not all zero")
        edges = [self.minor * reached // total for reached in accumulate(weights, initial=0)]
        return [Money(end - start, self.currency) for start, end in pairwise(edges)]

    @staticmethod
    def total(amounts: Iterable[Money], currency: str) -> Money:
        """The sum; zero of the currency when there are none."""
        result = 0
        for money in amounts:
            if money.currency != currency:
                raise CurrencyMismatch(currency, money.currency)
            result += money.minor
        return Money(result, currency)

    def _same(self, other: Money) -> int:
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return other.minor

    @classmethod
    def _from_wire(cls, value: Any) -> Money:
        """The canonical form by the shortest way, as facts hold a dozen amounts; else with care."""
        try:
            currency = value["currency"]
            exponent = EXPONENTS[currency]
            amount = value["amount"]
            if exponent and len(value) == 2 and amount[~exponent] == ".":
                whole = amount[:~exponent]
                digits = whole + amount[-exponent:]
                if (
                    (whole[0] != "0" or whole == "0")
                    and len(digits) <= _SURELY_SMALL
                    and digits.isdigit()
                    and digits.isascii()
                ):
                    money = _bare(Money)
                    _set_minor(money, int(digits))
                    _set_currency(money, currency)
                    return money
        except (KeyError, TypeError, IndexError, AttributeError):
            pass
        return cls._from_anything(value)

    @classmethod
    def _from_anything(cls, value: Any) -> Money:
        if isinstance(value, Money):
            return value
        if not isinstance(value, dict):
            raise ValueError("must be an object with amount and currency")  # noqa: TRY004
        unknown = value.keys() - {"amount", "currency"}
        if unknown:
            raise ValueError(f"{min(map(str, unknown))}: is no field of money")
        return cls.parse(value.get("amount", ""), value.get("currency", ""))

    def _to_wire(self) -> dict[str, str]:
        return {"amount": self.amount, "currency": self.currency}

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: Any, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._from_wire,
            serialization=core_schema.plain_serializer_function_ser_schema(
                cls._to_wire, return_schema=_WIRE
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "type": "object",
            "title": "Money",
            "description": "A decimal string with the currency's own decimals, and ISO 4217.",
            "properties": {
                "amount": {"type": "string", "pattern": f"^{_AMOUNT.pattern}$"},
                "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            },
            "required": ["amount", "currency"],
            "examples": [{"amount": "1234.50", "currency": "CNY"}],
        }


# The slots' own setters: the way past the refusing __setattr__ that costs least.
_bare = object.__new__
_set_minor = Money.__dict__["minor"].__set__
_set_currency = Money.__dict__["currency"].__set__


def _not_negative(money: Money) -> Money:
    if money.minor < 0:
        raise ValueError("amount: must not be negative")
    return money


def _positive(money: Money) -> Money:
    if money.minor <= 0:
        raise ValueError("amount: must be more than zero")
    return money


NonNegativeMoney = Annotated[Money, AfterValidator(_not_negative)]
PositiveMoney = Annotated[Money, AfterValidator(_positive)]
