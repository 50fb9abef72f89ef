"""Somebody on call, who asks and acts through the console: every act is theirs by name."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from ltc.people import Person, Refusal
from ltc.settings import CONSOLE, Settings

FIRST, SECOND = "On call", "Second on call"

AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
Why = Annotated[str, typer.Option("--why", "--reason", help="It is kept in the audit.")]
As = Annotated[str, typer.Option("--as", help="Who acts, by name.")]


class NotThere(RuntimeError):
    """What was named is not there, or not only once."""


class OnCall:
    """A person with the role ops, and the doors that the console opens to them."""

    def __init__(self, name: str = FIRST) -> None:
        subject = name.lower().replace(" ", ".")
        self._person = Person(Settings.from_env(), subject, name, "ops")

    def __enter__(self) -> OnCall:
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self._person.__exit__()

    def ask(self, path: str, **params: Any) -> Any:
        given = {name: value for name, value in params.items() if value is not None}
        return self._person.get(CONSOLE, path, **given)

    def ask_service(self, service: str, *path: str, **params: Any) -> Any:
        return self.ask(_door(service, path), **params)

    def act(self, service: str, *path: str, **body: Any) -> Any:
        return self._person.post(CONSOLE, _door(service, path), body)


def _door(service: str, path: tuple[str, ...]) -> str:
    return "/".join(["/services", service, "ops", *(quote(part, safe="") for part in path)])


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Whatever was refused or is away becomes one sentence on stderr and exit code 1."""
    try:
        yield
    except Refusal as refusal:
        typer.echo(refusal.sentence, err=True)
        raise typer.Exit(1) from refusal
    except httpx.TransportError as error:
        typer.echo(_unreachable(error), err=True)
        raise typer.Exit(1) from error
    except (RuntimeError, httpx.HTTPError) as error:
        typer.echo(str(error) or type(error).__name__, err=True)
        raise typer.Exit(1) from error


def _unreachable(error: httpx.TransportError) -> str:
    """Which address does not answer, and what names it."""
    url, why = error.request.url, str(error) or type(error).__name__
    return (
        f"{url.scheme}://{url.netloc.decode()} does not answer ({why})."
        f" `ltc` looks for the installation at the ports from {Settings.from_env().port_base} on:"
        " start it by `ltc up`, or name the ports of a running one by LTC_PORT_BASE."
    )


def shown(answer: Any, *, as_json: bool, sentence: str) -> None:
    """The answer for a machine, or one sentence for a person."""
    print(json.dumps(answer, ensure_ascii=False) if as_json else sentence)
