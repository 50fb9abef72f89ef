"""Edits to the contracts, breaking and harmless, as a maintainer would make them."""

from __future__ import annotations

from typing import NamedTuple

from contracts.schema import GOLDEN

SRC = "src/contracts/"


class Edit(NamedTuple):
    """One replacement in one file; with no new text the file is removed."""

    file: str
    old: str = ""
    new: str | None = None


def source(module: str, old: str, new: str) -> Edit:
    return Edit(f"{SRC}{module}.py", old, new)


def held(new: str) -> Edit:
    """OrderHeld with something below its reason."""
    told = '    """credit, prepayment, customer."""\n    held_at: AwareDatetime\n'
    return source("order", told, new.replace("<>", told))


WON_KEY = (
    '    name: ClassVar[str] = "ltc.deal.won.v1"\n',
    '    key: ClassVar[str] = "contract_id"\n',
)
CLOSED = source(
    "order", 'known("credit", "prepayment", "customer")', '{"enum": ["credit", "prepayment"]}'
)

BREAKING: dict[str, tuple[str, str, list[Edit]]] = {
    "a field is removed": ("field-removed", "ltc.order.held.v1 /held_at", [held("")]),
    "a field is renamed": (
        "field-renamed", "ltc.deal.lost.v1 /competitor",
        [source("deal", "competitor: str", "lost_to: str")],
    ),
    "a type changes": (
        "type-changed", "ltc.lead.qualified.v1 /score",
        [source("lead", "score: int", "score: str")],
    ),
    "a number becomes exact": (
        "type-changed", "ltc.invoice.issued.v1 /schedule_item",
        [source("billing", "schedule_item: int", "schedule_item: float")],
    ),
    "money becomes a plain number": (
        "money-changed", "ltc.invoice.paid.v1 /gross",
        [source("billing", "    gross: Money\n", "    gross: int\n")],
    ),
    "a length is bounded": (
        "constraint-tightened", "ltc.deal.lost.v1 /competitor",
        [source("deal", "competitor: str |", "competitor: Short |"),
         source("deal", "class DealFact",
                "Short = Annotated[str, Field(max_length=9)]\n\nclass DealFact"),
         source("deal", "from typing import", "from typing import Annotated,"),
         source("deal", "import AwareDatetime", "import AwareDatetime, Field")],
    ),
    "a pattern is asked for": (
        "constraint-tightened", "ltc.order.held.v1 /number",
        [source("order", "    number: str\n", '    number: str = Field(pattern="^O-")\n')],
    ),
    "a lower bound rises": (
        "constraint-tightened", "ltc.deal.proposal_requested.v1 /lines/*/quantity",
        [source("terms", "Field(ge=1)", "Field(ge=2)")],
    ),
    "a lower bound falls for producers": (
        "constraint-loosened", "ltc.deal.proposal_requested.v1 /lines/*/quantity",
        [source("terms", "Field(ge=1)", "Field(ge=0)")],
    ),
    "an optional field becomes required": (
        "became-required", "ltc.order.delivered.v1 /evidence/reference",
        [source("terms", "    reference: str | None = None\n", "    reference: str | None\n")],
    ),
    "a required field becomes optional": (
        "became-optional", "ltc.deal.lost.v1 /reason",
        [source("deal", "    reason: str\n    comp", '    reason: str = "?"\n    comp')],
    ),
    "a required field is added": (
        "required-added", "ltc.order.held.v1 /desk", [held("<>    desk: str\n")],
    ),
    "a known value is dropped": (
        "enum-narrowed", "ltc.order.held.v1 /reason",
        [source("order", '"credit", "prepayment", "customer"', '"credit", "customer"')],
    ),
    "open text is closed": ("enum-narrowed", "ltc.order.held.v1 /reason", [CLOSED]),
    "a consumer refuses null": (
        "null-forbidden", "ltc.quote.superseded.v1 /by_version",
        [source("quote", "by_version: int | None", "by_version: int")],
    ),
    "a producer may send null": (
        "null-allowed", "ltc.order.placed.v1 /promised_on",
        [source("order", "promised_on: date", "promised_on: date | None")],
    ),
    "a unit changes": (
        "unit-changed", "ltc.order.gate_overdue.v1 /overdue_for_s",
        [source("journey", '"""Seconds between', '"""Minutes between')],
    ),
    "net becomes gross": (
        "unit-changed", "ltc.journey.settled.v1 /earned",
        [source("billing", "revenue: net of tax", "revenue: gross, of tax")],
    ),
    "a description changes its meaning": (
        "meaning-changed", "ltc.order.shipped.v1",
        [source("order", "Goods left the house.", "Goods reached the customer.")],
    ),
    "a description is negated": (
        "meaning-changed", "ltc.order.released.v1",
        [source("order", "for holding is gone.", "for holding is not gone.")],
    ),
    "a default changes": (
        "default-changed", "ltc.contract.signed.v1 /payment_terms/net_days",
        [source("terms", "    net_days: int = 30\n", "    net_days: int = 14\n")],
    ),
    "the key is another field": (
        "key-changed", "ltc.deal.won.v1", [source("deal", WON_KEY[0], "".join(WON_KEY))],
    ),
    "the key is made from another field": (
        "key-changed", "ltc.deal.won.v1",
        [source("deal", "    won_at: AwareDatetime\n",
                "    won_at: AwareDatetime\n\n    def key_value(self) -> ContractId:\n"
                "        return self.contract_id\n")],
    ),
    "the topic is another": (
        "topic-changed", "ltc.invoice.paid.v1",
        [source("billing", '"ltc.billing.v1"', '"ltc.order.v1"')],
    ),
    "the partitions are more": (
        "partitions-changed", "ltc.lead.captured.v1",
        [source("catalog", "PARTITIONS = 12", "PARTITIONS = 24")],
    ),
    "a type is renamed": (
        "type-renamed", "ltc.order.held.v1",
        [source("order", '"ltc.order.held.v1"', '"ltc.order.stopped.v1"')],
    ),
    "an event is removed": (
        "type-removed", "ltc.order.held.v1", [source("catalog", "    order.OrderHeld: (),\n", "")],
    ),
    "an instant may lack its offset": (
        "time-changed", "ltc.order.held.v1 /held_at",
        [source("order", "held_at: AwareDatetime", "held_at: datetime"),
         source("order", "from datetime import date", "from datetime import date, datetime")],
    ),
    "an instant is cut to milliseconds": (
        "time-changed", "ltc.order.held.v1 /held_at",
        [held("<>\n    @field_serializer(\"held_at\")\n    def _short(self, at: object) -> str:\n"
              "        return at.isoformat(timespec=\"milliseconds\")  # type: ignore\n"),
         source("order", "Datetime, Field", "Datetime, Field, field_serializer")],
    ),
    "a personal field loses its annotation": (
        "personal-unmarked", "ltc.payment.received.v1 /payer",
        [source("billing", "Field(default=None, json_schema_extra=PERSONAL)", "None")],
    ),
    "an event gains personal data": (
        "personal-widened", "ltc.order.held.v1 /asked_by",
        [held('<>    asked_by: str = Field("", json_schema_extra={"x-personal": True})\n')],
    ),
    "unknown fields are refused": (
        "closed", "ltc.lead.captured.v1", [source("event", 'extra="ignore"', 'extra="forbid"')],
    ),
    "a header is not sent": (
        "header-lost", "ltc.lead.captured.v1",
        [source("envelope", '("ce_correlationid", str(self.journey_id).encode()),', "")],
    ),
    "a fixture is edited": (
        "fixture-edited", "ltc.order.held.v1",
        [Edit(f"{GOLDEN}/ltc.order.held.v1.json", '"number": "', '"number": "X')],
    ),
    "a fixture is removed": (
        "fixture-removed", "ltc.order.held.v1", [Edit(f"{GOLDEN}/ltc.order.held.v1.json")],
    ),
    "the model refuses a golden sample": (
        "fixture-unreadable", "ltc.order.held.v1", [held("<>    desk: str\n")],
    ),
    "a sample violates the published schema": (
        "sample-unreadable", "ltc.invoice.paid.v1 /gross",
        [source("billing", "    gross: Money\n", "    gross: str\n"),
         source(
                "samples/cash",
                'InvoicePaid(**_INVOICE, gross=cny("4034.10")',
                'InvoicePaid(**_INVOICE, gross="1.00 CNY"',
            )],
    ),
}  # fmt: skip

COMPATIBLE: dict[str, list[Edit]] = {
    "nothing": [],
    "a new fact": [
        source("order", "class OrderShipped(", "class OrderPacked(OrderFact):\n"
               '    """Goods are packed."""\n\n'
               '    name: ClassVar[str] = "ltc.order.packed.v1"\n\n\n'
               "class OrderShipped("),
        source("catalog", "    order.OrderShipped: (),\n",
               "    order.OrderPacked: (),\n    order.OrderShipped: (),\n"),
    ],
    "a new version beside the old": [
        source("order", "class OrderReleased(", "class OrderHeldV2(OrderFact):\n"
               '    """Nothing moves until all reasons are gone."""\n\n'
               '    name: ClassVar[str] = "ltc.order.held.v2"\n\n    reasons: tuple[str, ...]\n\n\n'
               "class OrderReleased("),
        source("catalog", "    order.OrderHeld: (),\n",
               "    order.OrderHeld: (),\n    order.OrderHeldV2: (),\n"),
    ],
    "a new optional field": [held("<>    desk: str | None = None\n")],
    "a new optional field with a default": [held("<>    days: int = 0\n")],
    "a new optional field inside a line": [
        source("terms", "    sku: str\n    quantity: int = Field(ge=1)\n",
               "    sku: str\n    quantity: int = Field(ge=1)\n    colour: str | None = None\n"),
    ],
    "a new known value in open text": [
        source("order", 'known("credit", "prepayment", "customer")',
               'known("credit", "prepayment", "customer", "fraud")'),
        source("order", "prepayment, customer.", "prepayment, customer, fraud."),
    ],
    "words added to a description": [
        source("order", "Goods left the house.", "Goods left the house, on a truck or by post."),
    ],
    "a misspelling mended": [source("order", "Goods left the house.", "Goods left the housse.")],
    "words where there were none": [
        held('<>    """When the order desk stopped it."""\n'),
    ],
    "fields in another order": [
        source("deal", "    lost_by: str\n    lost_at: AwareDatetime\n",
               "    lost_at: AwareDatetime\n    lost_by: str\n"),
    ],
    "a bound relaxed on the reading side": [
        source("terms", "Field(ge=1)", 'Field(json_schema_extra={"minimum": 1})'),
    ],
    "a forgotten mark on a person's data": [
        source("deal", "    lost_by: str\n",
               '    lost_by: str = Field(json_schema_extra={"x-personal": True})\n'),
        source("deal", "import AwareDatetime", "import AwareDatetime, Field"),
    ],
    "a new fixture": [Edit(f"{GOLDEN}/ltc.order.packed.v1.json", "", "{}")],
    "a hearer more": [source("catalog", "order.OrderHeld: ()", 'order.OrderHeld: ("deal",)')],
}  # fmt: skip
