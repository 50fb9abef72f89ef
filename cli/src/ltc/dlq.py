"""``ltc dlq``: messages that wait because they could not be handled, and what to do about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ltc import many
from ltc.documents import from_file
from ltc.many import DryRun, Group, PerSecond
from ltc.on_call import FIRST, SECOND, As, AsJson, NotThere, OnCall, Why, shown, told

dlq = typer.Typer(
    no_args_is_help=True,
    help="Messages that wait: list, show, retry, skip, hold, and edit with a second person.",
)

Key = Annotated[str, typer.Argument(help="the key that waits, as `ltc dlq ls` shows it")]
OneKey = Annotated[str | None, typer.Argument(help="the key that waits, as `ltc dlq ls` shows it")]
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
    _say_who_is_away(found["asked"])
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


@dlq.command("failures")
def list_failures(as_json: AsJson = False) -> None:
    """Keys that fail alike as one line, the reason that most have first."""
    with told(), OnCall() as one:
        found = many.failures(one)
    _say_who_is_away(found["asked"])
    if as_json:
        print(json.dumps(found["items"], ensure_ascii=False))
        return
    table = Table("group", "service", "fact", "keys", "messages", "since", "why")
    for group in found["items"]:
        why = f"{group['error_class']}: {group['error']}"
        counts = (str(group["keys"]), str(group["messages"]), group["first_at"][:19])
        cells = (group["fingerprint"], group["service"], group["type"] or "?", *counts)
        table.add_row(*cells, why[:120])
    Console(highlight=False).print(table if found["items"] else "nothing fails")


@dlq.command("given-up")
def list_given_up(
    service: Annotated[str, typer.Option("--service", help="where, as console or hub")],
    key: Annotated[str | None, typer.Argument(help="of this key alone")] = None,
    as_json: AsJson = False,
) -> None:
    """Messages that somebody skipped, or that console or hub set aside by rule, newest first."""
    with told(), OnCall() as one:
        letters = one.ask_service(service, "given-up", key=key)
    if as_json:
        print(json.dumps(letters, ensure_ascii=False))
        return
    for letter in letters:
        print(f"{letter['parked_at'][:19]}  {letter['topic']} {letter['key']}  {letter['type']}")
        print(f"  {letter['payload'] or letter['payload_base64'] or 'null'}")
        if letter["tries"]:
            print(f"  {letter['tries'][-1]['error_class']}: {letter['tries'][-1]['error']}")


@dlq.command("retry")
def retry(
    why: Why,
    key: OneKey = None,
    group: Group = None,
    dry_run: DryRun = False,
    per_second: PerSecond = None,
    service: Of = None,
    by: As = FIRST,
    as_json: AsJson = False,
) -> None:
    """Try the first message of a key again, now; with --group of all keys that fail alike."""
    _act("retry", key, group, why, dry_run, per_second, service, by, as_json=as_json)


@dlq.command("skip")
def skip(
    why: Why,
    key: OneKey = None,
    group: Group = None,
    dry_run: DryRun = False,
    per_second: PerSecond = None,
    service: Of = None,
    by: As = FIRST,
    as_json: AsJson = False,
) -> None:
    """Give up the first message of a key; what waits behind it goes on. With --group, propose it
    for all keys that fail alike; a second person begins it with `approve-skip`."""
    _act("skip", key, group, why, dry_run, per_second, service, by, as_json=as_json)


def _act(
    action: str,
    key: str | None,
    group: str | None,
    why: str,
    dry_run: bool,
    per_second: int | None,
    service: str | None,
    by: str,
    *,
    as_json: bool,
) -> None:
    if (key is None) == (group is None):
        raise typer.BadParameter("name a key or a --group")
    if group is None and (dry_run or per_second):
        raise typer.BadParameter("--dry-run and --per-second are for a --group")
    with told(), OnCall(by) as one:
        if group is not None:
            answer = many.act_on_group(
                one, action, group, why=why, dry_run=dry_run, per_second=per_second
            )
            sentence = many.sentence(action, answer)
        else:
            place = _find(one, str(key), service)
            where = ("parked", place["topic"], place["key"], action)
            answer = one.act(place["service"], *where, reason=why)
            done = {"retry": "is tried again", "skip": "was given up"}[action]
            sentence = f"{answer['event_id']} {done}"
    shown(answer, as_json=as_json, sentence=sentence)


@dlq.command("hold")
def hold(
    key: Key,
    why: Why,
    topic: Annotated[
        str | None, typer.Option("--topic", help="of a key that nothing waits of yet")
    ] = None,
    service: Of = None,
    by: As = FIRST,
    as_json: AsJson = False,
) -> None:
    """Have the messages of a key wait from now on, in their order, until it is released. A key that
    waits already is found by itself; of another say --service and --topic."""
    with told(), OnCall(by) as one:
        if topic is None or service is None:
            place = _find(one, key, service)
            service, topic = str(place["service"]), str(place["topic"])
        answer = one.act(service, "park", topic=topic, key=key, reason=why)
    shown(answer, as_json=as_json, sentence=f"{key} of {topic} is held at {service}")


@dlq.command("release")
def release(
    key: Key, why: Why, service: Of = None, by: As = FIRST, as_json: AsJson = False
) -> None:
    """Let go of a key that was held: what waited is handled, in its order."""
    with told(), OnCall(by) as one:
        place = _find(one, key, service)
        answer = one.act(place["service"], "parked", place["topic"], key, "release", reason=why)
    then = {"free": "nothing had come", "retrying": "what waited is handled"}[answer["status"]]
    shown(answer, as_json=as_json, sentence=f"{key} is released: {then}")


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
        payload = from_file(file) if file else _with(head["payload"], change or [])
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


@dlq.command("approve-skip")
def approve_skip(
    run_id: Annotated[str, typer.Argument(help="the id that `ltc dlq skip --group` printed")],
    service: Annotated[str, typer.Option("--service", help="where it was proposed")],
    why: Why,
    by: As = SECOND,
    as_json: AsJson = False,
) -> None:
    """Begin a proposed skip of many keys, and show its progress. Not by who proposed it."""
    with told(), OnCall(by) as one:
        answer = many.approve_skip(one, service, run_id, why=why)
    shown(answer, as_json=as_json, sentence=many.sentence("skip", answer))


def _say_who_is_away(everybody: list[dict[str, Any]]) -> None:
    for asked in everybody:
        if asked["status"] != "ok":
            typer.echo(f"{asked['service']} is {asked['status']}: {asked['error']}", err=True)


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
