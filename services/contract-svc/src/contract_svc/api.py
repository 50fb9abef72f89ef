"""The doors of contract-svc: ours, and the one that a signer's link opens."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from chassis.audit import audit
from chassis.auth import Actor, public, roles
from chassis.bounds import Hash
from chassis.http import ApiModel, Revision, TransactionalRoute, Tx, etag, refuse_stale
from chassis.links import open_link, sign_link
from chassis.pagination import Cursor, Limit, Page
from chassis.policies import policy_router
from contract_svc import queries
from contract_svc.commands import sign
from contract_svc.domain.contract import COMPANY, CUSTOMER, Contract
from contract_svc.policies import policies
from contract_svc.storage import Contracts, forget_clauses
from contracts.terms import Evidence

SALES = ("sales_rep", "sales_manager", "account_manager", "admin")
PURPOSE = "contract-signature"

router = APIRouter(route_class=TransactionalRoute, tags=["contracts"])
seller = Annotated[Actor, Depends(roles(*SALES))]
manager = Annotated[Actor, Depends(roles("sales_manager", "admin"))]
desk = Annotated[Actor, Depends(roles("order_desk", "admin"))]
lawyer = Annotated[Actor, Depends(roles("legal", "admin"))]
looker = Annotated[
    Actor, Depends(roles(*SALES, "auditor", "ops", "finance", "legal", "order_desk"))
]
BY_LINK = public("the customer has a signed link instead of an account")


class Link(BaseModel):
    url: str
    token: str


class SignatureForm(ApiModel):
    """A click to sign: who, and the hash of the text they read."""

    name: str = Field(min_length=1, max_length=200)
    text_hash: Hash
    agree: Literal[True]


class CompanySignatureForm(ApiModel):
    text_hash: Hash


class ReasonForm(ApiModel):
    reason: str = Field(min_length=1, max_length=500)


class RefusalForm(ApiModel):
    name: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=500)


class ClauseForm(ApiModel):
    """A new version of a standard clause."""

    title_zh: str = Field(min_length=1, max_length=200)
    title_en: str = Field(min_length=1, max_length=200)
    text_zh: str = Field(min_length=1, max_length=20_000)
    text_en: str = Field(min_length=1, max_length=20_000)


def _answer(contract: Contract, tx: Tx, response: Response) -> queries.ContractView:
    revision = tx.revision_of(contract.id)
    response.headers["ETag"] = etag(revision)
    return queries.ContractView.model_validate({**contract.model_dump(), "revision": revision})


@router.get("/contracts", operation_id="listContracts")
async def list_contracts(
    _: looker,
    tx: Tx,
    status: str | None = None,
    deal: UUID | None = None,
    journey: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[queries.ContractView]:
    """Contracts, the newest first."""
    return await queries.list_contracts(
        tx, status=status, deal=deal, journey=journey, cursor=cursor, limit=limit
    )


@router.get("/contracts/{contract_id}", operation_id="showContract")
async def show(_: looker, tx: Tx, contract_id: UUID, response: Response) -> queries.ContractView:
    """One contract, with its revision as ETag."""
    contract = await queries.show_contract(contract_id, tx)
    response.headers["ETag"] = etag(contract.revision)
    return contract


@router.get(
    "/contracts/{contract_id}/text", operation_id="showText", response_class=PlainTextResponse
)
async def text(_: looker, tx: Tx, contract_id: UUID) -> str:
    """The wording, as it is or was signed."""
    return await queries.show_text(contract_id, tx)


@router.get("/contracts/{contract_id}/link", operation_id="linkContract")
async def link(_: seller, tx: Tx, request: Request, contract_id: UUID) -> Link:
    """The customer's link to the text and its signature; good for two weeks."""
    await queries.show_contract(contract_id, tx)
    settings = request.app.state.settings
    token = sign_link(settings.link_secret, PURPOSE, contract_id, tx.now + timedelta(days=14))
    return Link(url=f"{settings.base_url()}/signing/{token}", token=token)


@router.get("/signing/{token}", operation_id="showSigning", dependencies=[BY_LINK])
async def show_signing(tx: Tx, request: Request, token: str) -> queries.SigningView:
    """What the customer is asked to sign."""
    contract_id = open_link(request.app.state.settings.link_secret, PURPOSE, token, tx.now)
    return await queries.signing_view(await queries.show_contract(contract_id, tx), tx)


@router.post("/signing/{token}/signature", operation_id="signByLink", dependencies=[BY_LINK])
async def sign_by_link(
    tx: Tx, request: Request, token: str, form: SignatureForm
) -> queries.SigningView:
    """The customer signs exactly the text they were shown."""
    contract_id = open_link(request.app.state.settings.link_secret, PURPOSE, token, tx.now)
    evidence = Evidence(
        by=form.name,
        at=tx.now,
        method="signed_link",
        text_hash=form.text_hash,
        ip=request.client.host if request.client else None,
        user_agent=request.headers.get("user-agent", "")[:300] or None,
    )
    contract = await sign.sign_contract(contract_id, CUSTOMER, evidence, tx)
    return await queries.signing_view(contract, tx)


@router.post("/signing/{token}/refusal", operation_id="refuseByLink", dependencies=[BY_LINK])
async def refuse_by_link(
    tx: Tx, request: Request, token: str, form: RefusalForm
) -> queries.SigningView:
    """The customer will not sign, and why."""
    contract_id = open_link(request.app.state.settings.link_secret, PURPOSE, token, tx.now)
    contract = await sign.decline_contract(contract_id, CUSTOMER, form.reason, tx)
    return await queries.signing_view(contract, tx)


@router.post("/contracts/{contract_id}/signature", operation_id="signForCompany")
async def sign_for_company(
    actor: manager,
    tx: Tx,
    contract_id: UUID,
    form: CompanySignatureForm,
    seen: Revision,
    response: Response,
) -> queries.ContractView:
    """One of us signs for the company."""
    await Contracts(tx).get(contract_id)
    refuse_stale(seen, tx, contract_id)
    evidence = Evidence(
        by=actor.name,
        at=tx.now,
        method="signature_api",
        reference=actor.sub,
        text_hash=form.text_hash,
    )
    return _answer(await sign.sign_contract(contract_id, COMPANY, evidence, tx), tx, response)


@router.post("/contracts/{contract_id}/withdrawal", operation_id="withdrawContract")
async def withdraw(
    _: manager, tx: Tx, contract_id: UUID, form: ReasonForm, response: Response
) -> queries.ContractView:
    """Take an unsigned contract back."""
    return _answer(await sign.withdraw_contract(contract_id, form.reason, tx), tx, response)


@router.post("/contracts/{contract_id}/termination-request", operation_id="askTermination")
async def ask_termination(
    _: manager, tx: Tx, contract_id: UUID, form: ReasonForm, response: Response
) -> queries.ContractView:
    """End a signed contract early; it ends once the order has cancelled what is left."""
    return _answer(await sign.ask_termination(contract_id, form.reason, tx), tx, response)


@router.post("/contracts/{contract_id}/termination-refusal", operation_id="refuseTermination")
async def refuse_termination(
    _: desk, tx: Tx, contract_id: UUID, form: ReasonForm, response: Response
) -> queries.ContractView:
    """The order desk does not consent to the early end; the contract goes on as agreed."""
    return _answer(await sign.refuse_termination(contract_id, form.reason, tx), tx, response)


@router.post("/clauses/{clause_id}", status_code=201, operation_id="addClauseVersion")
async def add_clause(actor: lawyer, tx: Tx, clause_id: str, form: ClauseForm) -> dict[str, str]:
    """A new version of a clause; contracts drafted before keep theirs."""
    row = await tx.scalar_row("SELECT max(version) FROM clause WHERE clause_id = $1", clause_id)
    version = (row[0] or 0) + 1
    await tx.connection.exec_driver_sql(
        "INSERT INTO clause (clause_id, version, title_zh, title_en, text_zh, text_en)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        (clause_id, version, form.title_zh, form.title_en, form.text_zh, form.text_en),
    )
    audit(tx, actor, "add", "clause", f"{clause_id}@{version}", after=form.model_dump())
    tx.after_commit.append(forget_clauses)
    return {"clause": f"{clause_id}@{version}"}


router.include_router(policy_router(policies, readers=SALES, changers=("legal", "admin")))
