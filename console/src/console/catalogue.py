"""The catalogue of facts: its pages, and each fact's JSON Schema where envelopes say it is."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from chassis.auth import public
from chassis.http import refuse_nul
from chassis.problems import Problem
from contracts.catalog import FACTS
from contracts.envelope import SCHEMA_PATH
from contracts.pages import FOLDER
from contracts.schema import as_text, schema_of
from contracts.states import STATES, state_schema_of

router = APIRouter(
    tags=["catalogue"],
    dependencies=[
        public("how facts are made tells of nobody, and subscribers come from outside"),
        Depends(refuse_nul),
    ],
)
_CACHED: Final = {"cache-control": "public, max-age=300"}
_PAGE: Final = {
    **_CACHED,
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
}


class SchemaResponse(Response):
    """A JSON Schema as text."""

    media_type = "application/schema+json"


@router.get("/catalogue", operation_id="showCatalogue", response_class=HTMLResponse)
async def show_catalogue() -> Response:
    """To the first page."""
    return RedirectResponse("/catalogue/index.html")


@router.get("/catalogue/{page}", operation_id="showCataloguePage", response_class=HTMLResponse)
async def show_catalogue_page(page: str) -> Response:
    """The facts, those of one stage, or what changed in them, for people."""
    file = next((file for file in FOLDER.glob("*.html") if file.name == page), None)
    if file is None:
        raise Problem(404, "There is no such page: /catalogue leads to all of them.")
    return HTMLResponse(file.read_bytes(), headers=_PAGE)


@router.get(SCHEMA_PATH + "/{fact}", operation_id="showSchema", response_class=SchemaResponse)
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
    return SchemaResponse(as_text(schema), headers=_CACHED)


@router.get(
    SCHEMA_PATH + "/{fact}/{version}",
    operation_id="showSchemaVersion",
    response_class=SchemaResponse,
)
async def show_schema_version(fact: str, version: str) -> Response:
    """The same by type and version: `/schemas/ltc.deal.won/v1`, or the full type and `1`."""
    number = version.removesuffix(".json").removeprefix("v")
    return await show_schema(f"{fact.removesuffix(f'.v{number}')}.v{number}")
