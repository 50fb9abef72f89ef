"""Reports of shipments and deliveries: one that comes again is not booked again."""

from __future__ import annotations

from typing import Any

import pytest
from order_builders import ORDER, a_priced_line, a_signature, parts

from testkit.harness import Harness

PATH = f"/orders/{ORDER}"
GOODS, SERVICES = a_priced_line(1, "goods", 5), a_priced_line(2, "service", 10)


@pytest.mark.parametrize(
    ("path", "form", "event"),
    [
        ("shipments", {"lines": parts((1, 2)), "erp_reference": "N-1"}, "shipped"),
        (
            "deliveries",
            {"lines": parts((2, 1)), "reference": "N-1", "received_by": "x"},
            "delivered",
        ),
    ],
)
async def test_order_report_that_comes_again_is_booked_once(
    order_svc: Harness, path: str, form: dict[str, Any], event: str
) -> None:
    await order_svc.receives(a_signature(lines=(GOODS, SERVICES)))
    name = "reference" if "reference" in form else "erp_reference"
    [line] = form["lines"]
    again = {**form, name: " N-1\u200b ", "lines": [{**line, "quantity": 1}] * line["quantity"]}
    other = {**form, "lines": [{**line, "quantity": line["quantity"] + 1}]}
    elsewhere = {**form, "lines": [*form["lines"], {"line_no": 3 - line["line_no"], "quantity": 1}]}
    async with order_svc.client("integration_erp") as erp:
        first, known, *refused = [
            await erp.post(f"{PATH}/{path}", json=report)
            for report in (form, again, other, elsewhere)
        ]
        blank = await erp.post(f"{PATH}/{path}", json={**form, name: "\u3000"})

    assert (first.status_code, known.status_code, blank.status_code) == (200, 200, 422)
    assert known.json()["lines"] == first.json()["lines"]
    for answer in refused:
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:ltc:problem:other-content")
        assert (
            f"N-1 with {line['quantity']} of line {line['line_no']} is" in answer.json()["detail"]
        )
    assert (await order_svc.said()).count(f"ltc.order.{event}.v1") == 1


async def test_order_of_ten_services_shows_three_shipped_and_three_delivered(
    order_svc: Harness,
) -> None:
    await order_svc.receives(a_signature(lines=(GOODS, SERVICES)))
    three = parts((2, 3))
    async with order_svc.client("integration_erp") as erp:
        shipment = {"lines": three, "erp_reference": "E-1"}
        await erp.post(f"{PATH}/shipments", json=shipment)
        delivery = {"lines": three, "reference": "D-1", "received_by": "x"}
        answer = await erp.post(f"{PATH}/deliveries", json=delivery)

    line = answer.json()["lines"][1]
    assert (line["shipped"], line["delivered"]) == (3, 3)
