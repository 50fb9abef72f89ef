"""The contract's lifecycle: the moves of the table, and no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from contract_builders import ACCOUNT, CONTRACT, DEAL, GROSS, NET, NOW, QUOTE, TAX

from chassis.domain import DomainError, IllegalTransition
from contract_svc.domain.contract import (
    COMPANY,
    CUSTOMER,
    LIFECYCLE,
    AlreadySigned,
    Contract,
    Execution,
    NotAsked,
    NothingLeft,
    Status,
    TextDiffers,
)
from contracts.terms import Evidence, PaymentTerms, Totals

DUE = NOW + timedelta(days=14)


def a_contract(status: Status = Status.DRAFT, **changes: object) -> Contract:
    contract = Contract(
        id=CONTRACT,
        journey_id=UUID(int=7),
        number="C-1",
        status=status,
        quote_id=QUOTE,
        quote_number="Q-1",
        quote_version=1,
        version_hash="v",
        deal_id=DEAL,
        deal_number="D-1",
        lead_id=None,
        account=ACCOUNT,
        contact=None,
        owner=None,
        legal_entity="LTC-CN",
        lines=(),
        totals=Totals(net=NET, tax=TAX, gross=GROSS),
        payment_terms=PaymentTerms(kind="on_delivery"),
        schedule=(),
        clauses=("law@1",),
        text_hash="t",
    )
    return contract.model_copy(update=changes)


def evidence(text_hash: str = "t") -> Evidence:
    return Evidence(by="Ada", at=NOW, method="signed_link", text_hash=text_hash)


def both_sign(contract: Contract) -> Contract:
    contract, _ = contract.sign(CUSTOMER, evidence(), at=NOW)
    return contract.sign(COMPANY, evidence(), at=NOW)[0]


DONE = Execution(fulfilled=True, settled=True)
MOVES: dict[Status, Callable[[Contract], Contract]] = {
    Status.APPROVED: lambda c: c.approve(by="x", at=NOW),
    Status.AWAITING_SIGNATURE: lambda c: c.send(at=NOW, due_at=DUE)[0],
    Status.SIGNED: both_sign,
    Status.COMPLETED: lambda c: c.follow(DONE, at=NOW),
    Status.TERMINATED: lambda c: c.terminate(by="x", at=NOW)[0],
    Status.DECLINED: lambda c: c.decline(party=CUSTOMER, reason="x", at=NOW)[0],
    Status.WITHDRAWN: lambda c: c.withdraw(reason="x", by="x", at=NOW)[0],
}


@pytest.mark.parametrize("target", MOVES)
@pytest.mark.parametrize("status", Status)
def test_contract_lifecycle_allows_exactly_its_table(status: Status, target: Status) -> None:
    before = a_contract(status)
    if LIFECYCLE.allows(status, target):
        assert MOVES[target](before).status is target
    elif target is Status.COMPLETED:
        assert MOVES[target](before).status is status
    else:
        with pytest.raises(IllegalTransition):
            MOVES[target](before)


def test_contract_party_signs_once_and_only_the_shown_text() -> None:
    contract = a_contract(Status.AWAITING_SIGNATURE)
    with pytest.raises(TextDiffers):
        contract.sign(CUSTOMER, evidence("another"), at=NOW)
    signed, said = contract.sign(CUSTOMER, evidence(), at=NOW)
    assert (signed.status, len(said)) == (Status.AWAITING_SIGNATURE, 1)
    with pytest.raises(AlreadySigned):
        signed.sign(CUSTOMER, evidence(), at=NOW)
    assert len(signed.sign(COMPANY, evidence(), at=NOW)[1]) == 2


@pytest.mark.parametrize(
    ("execution", "status"),
    [
        (Execution(fulfilled=True), Status.SIGNED),
        (Execution(settled=True), Status.SIGNED),
        (DONE, Status.COMPLETED),
    ],
)
def test_contract_completes_with_delivery_and_settlement(
    execution: Execution, status: Status
) -> None:
    assert a_contract(Status.SIGNED).follow(execution, at=NOW).status is status


def test_contract_termination_is_requested_refused_or_unnecessary() -> None:
    signed = a_contract(Status.SIGNED)
    asked = signed.ask_termination(reason="bankrupt", at=NOW)
    assert [(g.name, g.owner) for g in asked.gates] == [("termination", "role:order_desk")]
    refused = asked.refuse_termination(reason="on its way", by="desk", at=NOW)
    assert (refused.gates, refused.reason) == ((), None)
    with pytest.raises(NotAsked):
        refused.refuse_termination(reason="x", by="desk", at=NOW)
    delivered = signed.model_copy(update={"execution": Execution(fulfilled=True)})
    with pytest.raises(NothingLeft):
        delivered.ask_termination(reason="x", at=NOW)


def test_contract_refusals_all_have_an_http_status() -> None:
    assert all(issubclass(e, DomainError) for e in (AlreadySigned, NotAsked, NothingLeft))
