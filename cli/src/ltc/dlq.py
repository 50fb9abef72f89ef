"""``ltc dlq``: messages that wait because they could not be handled, and what to do about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ltc.on_call import FIRST, SECOND, As, AsJson, NotThere, OnCall, Why, shown, told

dlq = typer.Typer(
    no_args_is_help=True,
    help="Messages that wait: list, show, retry, skip, and edit with a second person.",
)

Key = Annotated[str, typer.Argument(help="the key that waits, as `ltc dlq ls` shows it")]
Of = Annotated[str | None, typer.Option("--service", help="where, if it waits at several")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", help="PATH=VALUE, as totals/net/amount=10.00; repeat for more"),
]
File = Annotated[
    Path | None, typer.Option("--file", exists=True, dir_okay=False, help="the whole payload")
]
Approver = Annotated[
    str | None, typer.Option("--as", help="on a local installation: approved at once by this one")
]


def register(app: typer.Typer) -> None:
    """Add ``ltc dlq``."""
    app.add_typer(dlq, name="dlq")


@dlq.command("ls")
def list_keys(
    status: Annotated[str | None, typer.Option(help="retrying, dead or held")] = None,
    as_json: AsJson = False,
) -> None:
    """Every key that waits, the longest waiting first."""
    with told(), OnCall() as one:
        found = one.ask("/parked", status=status, limit=200)
    for asked in found["asked"]:
        if asked["status"] != "ok":
            typer.echo(f"{asked['service']} is {asked['status']}: {asked['error']}", err=True)
    if as_json:
        print(json.dumps(found["items"], ensure_ascii=False))
        return
    table = Table("service", "key", "fact", "status", "messages", "since", "why")
    for key in found["items"]:
        why = f"{key['error_class']}: {key['error']}"
        cells = (key["service"], key["key"], key["type"] or "?", key["status"])
        table.add_row(*cells, str(key["messages"]), key["parked_at"][:19], why[:120])
    Console(highlight=False).print(table if found["items"] else "nothing waits")


@dlq.command("show")
def show(key: Key, service: Of = None, as_json: AsJson = False) -> None:
    """The messages of a key in their order, with their bytes as they came."""
    with told(), OnCall() as one:
        place = _find(one, key, service)
        messages = one.ask_service(place["service"], "parked", place["topic"], key)
    if as_json:
        print(json.dumps(messages, ensure_ascii=False))
        return
    for message in messages:
        print(f"{message['event_id']}  {message['type']}  {message['state']}")
        print(f"  {message['payload'] or message['payload_base64'] or 'null'}")
        if message["error"]:
            print(f"  {message['error']}")


@dlq.command("retry")
def retry(key: Key, why: Why, service: Of = None, by: As = FIRST, as_json: AsJson = False) -> None:
    """Try the first message of a key again, now."""
    with told(), OnCall(by) as one:
        place = _find(one, key, service)
        answer = one.act(place["service"], "parked", place["topic"], key, "retry", reason=why)
    shown(answer, as_json=as_json, sentence=f"{answer['event_id']} is tried again")


@dlq.command("skip")
def skip(key: Key, why: Why, service: Of = None, by: As = FIRST, as_json: AsJson = False) -> None:
    """Give up the first message of a key; what waits behind it goes on."""
    with told(), OnCall(by) as one:
        place = _find(one, key, service)
        answer = one.act(place["service"], "parked", place["topic"], key, "skip", reason=why)
    shown(answer, as_json=as_json, sentence=f"{answer['event_id']} was given up")


@dlq.command("edit")
def edit(
    key: Key,
    why: Why,
    change: Sets = None,
    file: File = None,
    service: Of = None,
    approver: Approver = None,
    as_json: AsJson = False,
) -> None:
    """Propose another payload for the first message of a key. A second person approves it."""
    if bool(change) == (file is not None):
        raise typer.BadParameter("give --set PATH=VALUE or --file FILE")
    with told(), OnCall() as one:
        place = _find(one, key, service)
        where = place["service"]
        head = one.ask_service(where, "parked", place["topic"], key)[0]
        payload = _from_file(file) if file else _with(head["payload"], change or [])
        said = {"payload": payload, "event_id": head["event_id"], "reason": why}
        proposal = one.act(where, "parked", place["topic"], key, "edit", **said)
        sentence = f"edit {proposal['id']} of {where} waits for a second person"
        if approver is not None:
            with OnCall(approver) as second:
                proposal = second.act(where, "edits", proposal["id"], "approve", reason=why)
            sentence = f"{head['event_id']} is now {proposal['new_event_id']}"
    if not as_json:
        for place in proposal["diff"]:
            before, after = (json.dumps(place[side]) for side in ("before", "after"))
            print(f"{place['path']}: {before} -> {after}")
    shown(proposal, as_json=as_json, sentence=sentence)


@dlq.command("approve")
def approve(
    edit_id: Annotated[str, typer.Argument(help="the edit, as its proposal named it")],
    service: Annotated[str, typer.Option("--service", help="where it was proposed")],
    why: Why,
    by: As = SECOND,
    as_json: AsJson = False,
) -> None:
    """Let a proposed payload take the place of the message. Not by who proposed it."""
    with told(), OnCall(by) as one:
        answer = one.act(service, "edits", edit_id, "approve", reason=why)
    sentence = f"{answer['event_id']} is now {answer['new_event_id']}"
    shown(answer, as_json=as_json, sentence=sentence)


def _find(one: OnCall, key: str, service: str | None) -> dict[str, Any]:
    """The one place where the key waits. Raises NotThere."""
    waiting: list[dict[str, Any]] = one.ask("/parked", key=key)["items"]
    places = [k for k in waiting if service in (None, k["service"])]
    if not places:
        raise NotThere(f"nothing waits for {key}: `ltc dlq ls` shows what does")
    if len(places) > 1:
        names = ", ".join(sorted(place["service"] for place in places))
        raise NotThere(f"{key} waits at {names}: say which with --service")
    return places[0]


def _from_file(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NotThere(f"{file} holds no JSON: {error}") from error


def _with(payload: str | None, changes: list[str]) -> Any:
    """The payload with some places set. Raises NotThere for a place that it does not have."""
    try:
        document = json.loads(payload or "")
    except ValueError as error:
        raise NotThere("the payload is no JSON: give the whole of it with --file") from error
    for change in changes:
        path, is_set, text = change.partition("=")
        if not is_set:
            raise NotThere(f"{change} is not PATH=VALUE")
        *way, last = path.strip("/").split("/")
        place = document
        try:
            for part in way:
                place = place[int(part) if isinstance(place, list) else part]
            place[int(last) if isinstance(place, list) else last] = _value(text)
        except (LookupError, ValueError, TypeError) as error:
            raise NotThere(f"the payload has no {path}") from error
    return document


def _value(text: str) -> Any:
    """JSON where it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
