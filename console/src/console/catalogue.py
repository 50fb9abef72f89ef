"""The catalogue of facts: its pages, and each fact's JSON Schema where envelopes say it is."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from chassis.auth import public
from chassis.problems import Problem
from contracts.catalog import FACTS
from contracts.envelope import SCHEMA_PATH
from contracts.pages import FOLDER
from contracts.schema import as_text, schema_of
from contracts.states import STATES, state_schema_of

router = APIRouter(
    tags=["catalogue"],
    dependencies=[public("how facts are made tells of nobody, and subscribers come from outside")],
)
_CACHED: Final = {"cache-control": "public, max-age=300"}
_PAGE: Final = {
    **_CACHED,
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
}


@router.get("/catalogue", operation_id="showCatalogue")
async def show_catalogue() -> Response:
    """To the first page."""
    return RedirectResponse("/catalogue/index.html")


@router.get("/catalogue/{page}", operation_id="showCataloguePage")
async def show_catalogue_page(page: str) -> Response:
    """The facts, those of one stage, or what changed in them, for people."""
    file = next((file for file in FOLDER.glob("*.html") if file.name == page), None)
    if file is None:
        raise Problem(404, "There is no such page: /catalogue leads to all of them.")
    return Response(file.read_bytes(), media_type="text/html; charset=utf-8", headers=_PAGE)


@router.get(SCHEMA_PATH + "/{fact}", operation_id="showSchema")
async def show_schema(fact: str) -> Response:
    """The JSON Schema of a fact's data, or of a stage's states, as envelopes name it:
    `/schemas/ltc.deal.won.v1`, `/schemas/ltc.deal.state.v1`."""
    name = fact.removesuffix(".json")
    if name in FACTS:
        schema = schema_of(FACTS[name])
    elif name in STATES:
        schema = state_schema_of(STATES[name])
    else:
        raise Problem(404, "Nobody says such a fact: /catalogue lists all with their versions.")
    return Response(as_text(schema), media_type="application/schema+json", headers=_CACHED)


@router.get(SCHEMA_PATH + "/{fact}/{version}", operation_id="showSchemaVersion")
async def show_schema_version(fact: str, version: str) -> Response:
    """The same by type and version: `/schemas/ltc.deal.won/v1`, or the full type and `1`."""
    number = version.removesuffix(".json").removeprefix("v")
    return await show_schema(f"{fact.removesuffix(f'.v{number}')}.v{number}")
