"""``ltc can-i-deploy`` and ``ltc deployed``: a record of what runs where, and what it allows."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from contracts.deployable import (
    ENVIRONMENTS,
    Environment,
    Obstacle,
    UnknownToRecord,
    Version,
    obstacles,
    read,
    recorded,
    standing_in,
    version_of_tree,
    write,
)
from contracts.needs import UnreadableNeeds, hearers
from ltc.settings import PROJECT, SUBSCRIBERS

YES, NO, UNKNOWN = 0, 1, 2
KEPT = 5
"""Versions of a service that a record keeps: enough to ask about a roll-back."""

Records = Annotated[Path, typer.Option("--records", help="Folder of the environments' records.")]
FOLDER = PROJECT / ENVIRONMENTS


class Answer(NamedTuple):
    """One sentence and an exit code."""

    code: int
    sentence: str
    obstacles: Sequence[Obstacle] = ()


def version_in_tree(service: str) -> str:
    """The version that this checkout holds. Raises UnknownToRecord."""
    folder = PROJECT / service if service in SUBSCRIBERS else PROJECT / "services" / service
    sources = [*folder.glob("src/*/__init__.py")]
    if not sources:
        raise UnknownToRecord(f"{service} is no service of this checkout.")
    return str(importlib.import_module(sources[0].parent.name).__version__)


def find(folder: Path, service: str, version: str | None) -> Version:
    """A version, from this checkout or from a record of where it ran. Raises UnknownToRecord."""
    here = version_in_tree(service)
    if version in (None, here):
        return version_of_tree(service, here)
    found = recorded(folder, service, str(version))
    if found is None:
        raise UnknownToRecord(
            f"{service} {version} is unknown: this checkout holds {here}, and no environment has"
            f" run {version}."
        )
    return found


def ask(folder: Path, services: Sequence[str], to: str, version: str | None = None) -> Answer:
    """Whether services may go to an environment, together. The version is the first one's."""
    try:
        going = [find(folder, s, version if n == 0 else None) for n, s in enumerate(services)]
        environment = read(folder, to)
        if environment is None:
            known = ", ".join(sorted(file.stem for file in folder.glob("*.json"))) or "none"
            raise UnknownToRecord(
                f"Nothing is recorded of {to} (known: {known}); `ltc deployed` begins a record."
            )
        standing = standing_in(to, hearers())
    except (UnknownToRecord, UnreadableNeeds) as error:
        return Answer(UNKNOWN, str(error))
    found = obstacles(going, environment.up(), standing, to)
    names = " and ".join(f"{v.service} {v.version}" for v in going)
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        return Answer(NO, f"No: {names} must not go to {to}: {found[0]}{more}.", found)
    heard = sum(len(v.needs) for v in going)
    said = sum(len(v.says) for v in going)
    beside = len(environment.up().keys() - set(services)) + len(standing)
    return Answer(
        YES,
        f"Yes: {names} can go to {to}: all {heard} facts it hears are said there, and the {said} it"
        f" says meet the needs of {beside} others.",
    )


def record(folder: Path, service: str, version: str, to: str) -> Path:
    """Write down that a version runs in an environment. Raises UnknownToRecord."""
    found = find(folder, service, version)
    before = read(folder, to) or Environment(name=to)
    others = [v for v in before.versions if v.service != service]
    mine = [v for v in before.versions if v.service == service and v.version != version]
    now = datetime.now(UTC).replace(microsecond=0)
    after = before.model_copy(
        update={
            "running": dict(sorted({**before.running, service: version}.items())),
            "since": dict(sorted({**before.since, service: now}.items())),
            "versions": (*others, *mine[-(KEPT - 1) :], found),
        }
    )
    return write(folder, after)


def register(app: typer.Typer) -> None:
    """Add ``ltc can-i-deploy`` and ``ltc deployed``."""

    @app.command("can-i-deploy")
    def can_i_deploy(
        service: Annotated[str, typer.Argument(help="As in `quote-svc`.")],
        to: Annotated[str, typer.Option("--to", help="The environment, as in `prod`.")],
        version: Annotated[str | None, typer.Option(help="This checkout's unless given.")] = None,
        together: Annotated[
            list[str] | None, typer.Option("--with", help="Goes at the same time; repeat for more.")
        ] = None,
        records: Records = FOLDER,
        as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    ) -> None:
        """Whether a version breaks nobody in an environment, and hears what is said there.

        Exit codes: 0 yes, 1 no, 2 the version or the environment is unknown.
        """
        answer = ask(records, [service, *(together or [])], to, version)
        if as_json:
            found = [obstacle.model_dump() for obstacle in answer.obstacles]
            told = {"can": answer.code == YES, "code": answer.code, "sentence": answer.sentence}
            print(json.dumps({**told, "obstacles": found}, indent=2))
        else:
            typer.echo(answer.sentence, err=answer.code == UNKNOWN)
        raise typer.Exit(answer.code)

    @app.command()
    def deployed(
        service: Annotated[str, typer.Argument(help="As in `quote-svc`.")],
        version: Annotated[str, typer.Argument(help="As in `1.4.0`.")],
        to: Annotated[str, typer.Option("--to", help="The environment, as in `prod`.")],
        records: Records = FOLDER,
    ) -> None:
        """Record that a version runs in an environment, with what it says and needs to hear."""
        try:
            file = record(records, service, version, to)
        except (UnknownToRecord, UnreadableNeeds) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(UNKNOWN) from error
        print(f"{service} {version} runs in {to}: {file}")
