"""``ltc schemas``: the facts' schemas to a registry, and who still uses an old version."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

import httpx
import typer

from contracts.catalog import FACTS
from contracts.lifetimes import Ending, stragglers
from contracts.needs import UnreadableNeeds, hearers
from contracts.schema import as_text, schema_of
from ltc.on_call import told
from ltc.people import Person
from ltc.programs import answers_ready
from ltc.settings import HUB, Settings

_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"

commands = typer.Typer(help="The facts' JSON Schemas.", no_args_is_help=True)


class RegistryRefuses(Exception):
    """The registry is away, or said no; the message is for people."""


def register(app: typer.Typer) -> None:
    """Add ``ltc schemas``."""
    app.add_typer(commands, name="schemas")


@commands.command()
def publish(
    registry: Annotated[
        str, typer.Option(envvar="LTC_REGISTRY", help="Its address, as clients are given it.")
    ],
) -> None:
    """Bring every schema to a registry with Confluent's API (Confluent, Apicurio, Karapace).

    A fact's subject is its type, `ltc.deal.won.v1`. What is there already stays as it is, so this
    may be run again after each release.
    """
    if not registry.startswith(("http://", "https://")):
        raise typer.BadParameter("the registry's address begins with http:// or https://")
    try:
        with httpx.Client(base_url=registry, timeout=30) as client:
            fresh = [name for name in FACTS if _publish(client, name)]
    except (RegistryRefuses, httpx.HTTPError) as error:
        typer.echo(f"nothing more was published: {error}", err=True)
        raise typer.Exit(1) from error
    for name in fresh:
        print(f"published {name}")
    print(f"{len(FACTS)} schemas are in the registry, {len(fresh)} of them new")


def _publish(client: httpx.Client, name: str) -> bool:
    """Whether the registry lacked it. It may take any next version: what breaks a subscriber is
    refused by our own gate, which knows that facts are open to new fields."""
    told = {"schemaType": "JSON", "schema": as_text(schema_of(FACTS[name]))}
    if _ask(client, "POST", f"/subjects/{name}", told, absent=404).status_code == 200:
        return False
    _ask(client, "PUT", f"/config/{name}", {"compatibility": "NONE"})
    _ask(client, "POST", f"/subjects/{name}/versions", told)
    return True


def _ask(
    client: httpx.Client, method: str, path: str, body: dict[str, str], *, absent: int = 200
) -> httpx.Response:
    answer = client.request(method, path, json=body, headers={"content-type": _MEDIA_TYPE})
    if answer.status_code not in {200, absent}:
        said = " ".join(answer.text.split())[:200]
        raise RegistryRefuses(f"{method} {path} was answered {answer.status_code}: {said}")
    return answer


@commands.command()
def old() -> None:
    """Which subscribers still need, and which endpoints of a running installation still get, a
    version that ends or has a successor; exit code 1 for any."""
    try:
        found = stragglers(hearers())
    except UnreadableNeeds as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    for straggler in found:
        print(straggler)
    if not found:
        print("nobody who stated their needs uses an old version")
    if _endpoints_get_old_ones() or found:
        raise typer.Exit(1)


def _endpoints_get_old_ones() -> bool:
    """Tell which do; whether any does."""
    settings = Settings.from_env()
    if not answers_ready(settings.http_port(HUB)):
        print("the hub does not answer here: whose endpoints get an old version is not known")
        return False
    with told(), Person(settings, "on.call", "On call", "ops") as person:
        endpoints = person.get(HUB, "/subscribers/stragglers")
    for one in endpoints:
        print(sentence_of(one))
    if not endpoints:
        print("no endpoint gets an old version")
    return bool(endpoints)


def sentence_of(endpoint: Mapping[str, Any]) -> str:
    """What the hub tells of an endpoint that still gets an old version."""
    ends, last = endpoint["ends"], endpoint["last_delivered_at"]
    ending = Ending(endpoint["instead"], date.fromisoformat(ends) if ends else None)
    asked = f"asked for as {endpoint['pattern']}" if endpoint["pattern"] else "as it gets all"
    said = f"last delivered {last[:19]}Z" if last else "not delivered in the last 30 days"
    return (
        f"{endpoint['subscriber']}'s endpoint {endpoint['endpoint_id']} gets {endpoint['type']},"
        f" {asked}: {ending}; {said}"
    )
