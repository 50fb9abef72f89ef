"""The ERP of a laptop: ships and delivers what order-svc asks for, through the public API alone."""

from __future__ import annotations

from typing import Any, Protocol
from uuid import uuid4


class Caller(Protocol):
    """Somebody with a token; see `ltc.people.Person`."""

    def get(self, stage: str, path: str, **params: Any) -> Any: ...

    def post(self, stage: str, path: str, body: Any = None, *, seen: str | None = None) -> Any: ...


class ErpSimulator:
    """Works off open fulfilment requests. Goods go out in two shipments; services are reported
    by the order desk."""

    def __init__(self, erp: Caller, desk: Caller) -> None:
        self._erp = erp
        self._desk = desk

    def work_once(self, contract_id: str) -> int:
        """Move what can be moved of one contract's order; returns how many steps were booked."""
        orders = self._desk.get("order", "/orders", contract=contract_id)["items"]
        steps = 0
        for order in orders:
            if order["held"] is None:
                steps += self._work(order)
        return steps

    def _work(self, order: dict[str, Any]) -> int:
        steps = 0
        path = f"/orders/{order['id']}"
        for line in order["lines"]:
            left = line["ordered"] - line["shipped"] - line["cancelled"]
            number = line["line_no"]
            if line["kind"] == "goods" and left:
                part = max(1, left // 2)
                parts = [{"line_no": number, "quantity": part}]
                reference = f"ERP-{uuid4().hex[:10]}"
                self._erp.post(
                    "order", f"{path}/shipments", {"lines": parts, "erp_reference": reference}
                )
                self._erp.post(
                    "order",
                    f"{path}/deliveries",
                    {"lines": parts, "reference": reference, "received_by": "仓库收货"},
                )
                steps += 2
            elif line["kind"] != "goods" and line["delivered"] < line["ordered"]:
                parts = [{"line_no": number, "quantity": line["ordered"] - line["delivered"]}]
                protocol = f"acceptance protocol {uuid4().hex[:10]}"
                self._desk.post(
                    "order",
                    f"{path}/deliveries",
                    {"lines": parts, "reference": protocol, "received_by": "客户"},
                )
                steps += 1
        return steps
