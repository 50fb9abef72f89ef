"""The console's pages: files that `make pages` has built, served as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from chassis.auth import public
from chassis.http import refuse_nul
from chassis.problems import Problem

STATIC = Path(__file__).with_name("static")
HASHED = "assets/"
"""The bundler puts here what has a hash of its content in its name."""
INDEX = "index.html"
SAFE: Final = {
    # Mantine writes its styles into the page; nothing else may come from anywhere but here.
    "content-security-policy": "default-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}
NOT_BUILT = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>No pages yet</title>'
    "<p>The console's pages are not built here: run <code>make pages</code>, then load this again."
    "</p></html>"
)
KINDS = ("text/html", "text/javascript", "text/css", "font/woff2", "image/svg+xml", "image/png")

router = APIRouter(
    tags=["pages"],
    dependencies=[public("the pages themselves tell nothing"), Depends(refuse_nul)],
)


def folder_of(request: Request) -> Path:
    """Where the built files are."""
    folder: Path = getattr(request.app.state, "static", STATIC)
    return folder


@router.get("/", operation_id="goHome", status_code=303, response_class=RedirectResponse)
async def go_home() -> Response:
    """To the pages."""
    return RedirectResponse("/app/", 303)


@router.get(
    "/app/{page:path}",
    operation_id="showPage",
    response_class=HTMLResponse,
    responses={
        200: {"content": {kind: {} for kind in KINDS}},
        503: {"content": {"text/html": {}}, "description": "Nothing was built"},
    },
)
async def show_page(request: Request, page: str) -> Response:
    """A built file, or for any other path the page that finds out itself what to show."""
    folder = folder_of(request).resolve()
    file = (folder / page).resolve()
    if not file.is_relative_to(folder):
        raise Problem(404, "There is no such page.")
    if page and file.is_file():
        kept = "public, max-age=31536000, immutable" if page.startswith(HASHED) else "no-cache"
        return FileResponse(file, headers={**SAFE, "cache-control": kept})
    if page.startswith(HASHED):  # of another build: a page in its place would be no script
        raise Problem(404, "There is no such file in this build: load the page again.")
    if not (folder / INDEX).is_file():
        return HTMLResponse(NOT_BUILT, 503, SAFE)
    return FileResponse(folder / INDEX, headers={**SAFE, "cache-control": "no-cache"})
