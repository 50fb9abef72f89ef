"""Stories of duplicates: orders, statement lines, shipments, and Kafka records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts.catalog import STAGES
from testkit.actors.actor import Thing, cny
from testkit.actors.all_actors import ON_DELIVERY, Actors, wanted
from testkit.api_client import Refused
from testkit.installation.supervised import SupervisedInstallation
from testkit.kafka_probe import KafkaProbe

pytestmark = pytest.mark.e2e


def test_story_repeated_web_order_is_one_order(cast: Actors) -> None:
    order, key = cast.web.order("LIC-TEAM", paid="2712.00"), str(uuid4())
    first = cast.web.sends(order, key=key)
    assert cast.web.sends(order, key=key) == first

    again = cast.web.sends(order)
    assert (again["outcome"], again["lead_id"]) == ("duplicate", first["lead_id"])
    assert again["number"] == first["number"]
    with pytest.raises(Refused) as reused:
        cast.web.sends(cast.web.order("LIC-TEAM", paid="2712.00"), key=key)
    assert (reused.value.status, reused.value.type) == (422, "idempotency-key-reused")

    cast.oncall.sees_settled(first["journey_id"])
    found = cast.rep.doors.get("lead", "/leads", q=order["contact"]["email"])["items"]
    assert [lead["number"] for lead in found] == [first["number"]]


def test_story_import_dry_run_in_parts_predicts_the_import(
    house: SupervisedInstallation, tmp_path: Path
) -> None:
    """Rows repeat across more rows than one request takes, with other text around them."""
    run = uuid4().hex[:6]
    rows = [f"P {n},p{n % 700}.{run}@example.cn" for n in range(900)] + ["Q,not an address"]
    file, mapping = tmp_path / "leads.csv", tmp_path / "map.yaml"
    file.write_text("\n".join(["name,mail", *rows]) + "\n")
    columns = "columns: {name: contact.name, mail: contact.email}"
    mapping.write_text(columns + "\nconstants: {origin.channel: website}\n")

    def take_in(*options: str) -> dict[str, Any]:
        done = house.run("import", "leads", str(file), "--map", str(mapping), "--json", *options)
        assert done.returncode == 0, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    rehearsed, done, again = take_in("--dry-run"), take_in(), take_in("--dry-run")
    counts = ("rows", "accepted", "duplicates", "refused")
    assert [rehearsed[name] for name in counts] == [901, 700, 200, 1]
    assert [done[name] for name in counts] == [901, 700, 200, 1]
    assert [again[name] for name in counts] == [901, 0, 900, 1]
    assert {(r["row"], r["of_row"]) for r in rehearsed["repeated"]} >= {(702, 2), (901, 201)}


def test_story_repeated_statement_line_is_one_payment(cast: Actors) -> None:
    sale = cast.sell([wanted("SVC-ONBOARD", 1)], ON_DELIVERY)
    cast.desk.delivers(sale.order, {1: 1}, "acceptance protocol")
    [invoice] = cast.accountant.invoices(sale.contract, 1)
    line = cast.bank.line(invoice)
    [first] = cast.bank.reports(line)
    [again] = cast.bank.reports(line)
    assert first["new"]
    assert not again["new"]
    assert again["payment_id"] == first["payment_id"]
    with pytest.raises(Refused) as other:
        cast.bank.reports(line | {"amount": cny("1.00")})
    assert (other.value.status, other.value.type) == (422, "other-content")
    assert cast.accountant.settled(sale.contract)["charges"][0]["outstanding"]["amount"] == "0.00"


def test_story_repeated_shipment_ships_nothing_more(cast: Actors) -> None:
    sale = cast.sell([wanted("HW-SENSOR", 4)], ON_DELIVERY)
    parts = {"lines": [{"line_no": 1, "quantity": 2}], "erp_reference": f"ERP-{uuid4().hex[:10]}"}
    path = f"/orders/{sale.order['id']}/shipments"
    for _ in range(2):
        after = cast.erp.doors.post("order", path, parts)
        assert after["lines"][0]["shipped"] == 2


def public_state(cast: Actors, journey: str, contract: Thing) -> dict[str, Any]:
    """All that the doors show of a journey, revisions included, and the money of the house."""
    stages = {
        stage: (cast.accountant if stage == "billing" else cast.oncall).all_of(stage, journey)
        for stage in STAGES[1:]
    }
    told = cast.oncall.journey(journey)
    return stages | {
        "account": cast.accountant.account(contract),
        "entries": cast.accountant.doors.get("billing", "/ledger/entries", journey=journey),
        "totals": cast.accountant.totals(),
        "lead": cast.rep.doors.get("lead", f"/leads/{stages['deal'][0]['lead_id']}"),
        "facts": [step["event_id"] for step in told["steps"]],
        "overview": cast.oncall.doors.get("console", "/overview"),
    }


def duplicates_seen(house: SupervisedInstallation, name: str) -> int:
    lines = httpx.get(f"{house.url(name)}/metrics").text.splitlines()
    found = [line for line in lines if line.startswith("ltc_inbox_duplicates")]
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in found)


def test_story_repeated_kafka_records_have_no_second_effect(
    house: SupervisedInstallation, cast: Actors
) -> None:
    answer = cast.web.sends(cast.web.order("LIC-TEAM", paid="2712.00"))
    journey = answer["journey_id"]
    cast.oncall.sees_settled(journey)
    contract = cast.rep.finds("contract", journey, "completed")
    cast.rep.sees(
        "lead", {"id": answer["lead_id"]}, lambda lead: lead["settled_at"], "the settled lead"
    )
    bystander = KafkaProbe(house.bootstrap)
    bystander.sees_all_applied()
    before = public_state(cast, journey, contract)
    seen = {name: duplicates_seen(house, name) for name in (*STAGES, "console")}

    def again(name: str) -> int:
        """How many records a service has seen that it had seen before."""
        return duplicates_seen(house, name) - seen[name]

    records = bystander.records_of(journey)
    assert sorted(before["facts"]) == sorted(record.event_id for record in records)
    bystander.repeats(records)
    bystander.sees_all_applied()

    assert public_state(cast, journey, contract) == before
    assert again("console") == len(records)
    for name in STAGES:
        assert again(name), name
