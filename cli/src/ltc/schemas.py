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
    """Which subscribers still need a version that ends or has a successor, and who still gets one
    from a running installation, by webhook or at the feed; exit code 1 for any."""
    try:
        found = stragglers(hearers())
    except UnreadableNeeds as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    for straggler in found:
        print(straggler)
    if not found:
        print("nobody who stated their needs uses an old version")
    if _somebody_gets_old_ones() or found:
        raise typer.Exit(1)


def _somebody_gets_old_ones() -> bool:
    """Tell who does; whether anybody does."""
    settings = Settings.from_env()
    if not answers_ready(settings.http_port(HUB)):
        print("the hub does not answer here: who gets an old version from it is not known")
        return False
    with told(), Person(settings, "on.call", "On call", "ops") as person:
        found = person.get(HUB, "/subscribers/stragglers")
    for one in found:
        print(sentence_of(one))
    if not found:
        print("nobody gets an old version by webhook or has read one at the feed")
    return bool(found)


def sentence_of(straggler: Mapping[str, Any]) -> str:
    """What the hub tells of somebody who still gets an old version."""
    ends, last = straggler["ends"], straggler["last_at"]
    ending = Ending(straggler["instead"], date.fromisoformat(ends) if ends else None)
    endpoint, subscriber = straggler["endpoint_id"], straggler["subscriber"]
    gets = f"{subscriber}'s endpoint {endpoint} gets" if endpoint else f"{subscriber}'s feed has"
    pattern = straggler["pattern"]
    asked = f"asked for as {pattern}" if pattern else "as it has all"
    said = f"last {last[:19]}Z" if last else "not delivered in the last 30 days"
    return f"{gets} {straggler['type']}, {asked}: {ending}; {said}"
