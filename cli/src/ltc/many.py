"""Retry or skip all keys that fail alike, at the service that has them, and show the progress.

The service acts, at a limited rate; a command that only shows the progress can be interrupted.
"""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from ltc.on_call import NotThere, OnCall

LOOK_S = 0.5
MOST_GROUPS = 200

Group = Annotated[
    str | None, typer.Option("--group", help="all keys that fail alike: see `ltc dlq failures`")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="With --group: only count.")]
PerSecond = Annotated[
    int | None, typer.Option("--per-second", min=1, max=1000, help="With --group: 10 unless given.")
]


def failures(one: OnCall) -> dict[str, Any]:
    """Why keys wait anywhere, the reason that most have first, and who could not be asked."""
    found: dict[str, Any] = one.ask("/failures", limit=MOST_GROUPS)
    return found


def act_on_group(
    one: OnCall, action: str, group: str, *, why: str, dry_run: bool, per_second: int | None
) -> dict[str, Any]:
    """Retry all keys of a group, and return when the last was acted on; or propose to skip them.
    Raises NotThere for a group that no key belongs to, and when somebody cancels."""
    service = _where(one, group)
    rate = {} if per_second is None else {"per_second": per_second}
    begun = one.act(
        service, "failures", group, action, reason=why, dry_run=dry_run, limit=10_000, **rate
    )
    if begun["status"] != "running":
        return {"service": service, **begun}
    return _end_of(one, service, begun["id"])


def approve_skip(one: OnCall, service: str, run_id: str, *, why: str) -> dict[str, Any]:
    """Begin a skip that somebody else proposed, and return when the last key was acted on. Raises
    NotThere when the service refuses, and when somebody cancels."""
    one.act(service, "bulk", run_id, "approve", reason=why)
    return _end_of(one, service, run_id)


def _end_of(one: OnCall, service: str, run_id: str) -> dict[str, Any]:
    run = _followed(one, service, run_id)
    if run["status"] == "cancelled":
        raise NotThere(f"{_told(run)}: somebody has cancelled it")
    return {"service": service, **run}


def sentence(action: str, answer: dict[str, Any]) -> str:
    """What was done, or would be."""
    verb = {"retry": "tried again", "skip": "given up"}[action]
    if answer.get("dry_run"):
        keys, messages = answer["keys"], answer["messages"]
        what = f"the first message of each of {keys}" if action == "skip" else f"{keys}"
        return f"{what} keys of {answer['service']} ({messages} messages) would be {verb}"
    if answer["status"] == "proposed":
        service, run = answer["service"], answer["id"]
        return (
            f"a skip of {answer['keys']} keys of {service} is proposed; a second person begins it:"
            f" ltc dlq approve-skip {run} --service {service}"
        )
    moved = answer["moved_on"]
    left_alone = f"; {moved} waited at another message by then and were left alone" if moved else ""
    return f"{answer['acted']} keys of {answer['service']} were {verb}{left_alone}"


def _where(one: OnCall, group: str) -> str:
    for found in failures(one)["items"]:
        if found["fingerprint"] == group:
            return str(found["service"])
    raise NotThere(f"nothing fails like {group}: `ltc dlq failures` shows what does")


def _followed(one: OnCall, service: str, run_id: str) -> dict[str, Any]:
    said = ""
    try:
        while True:
            run: dict[str, Any] = one.ask_service(service, "bulk", run_id)
            if (words := _told(run)) != said:
                typer.echo(words, err=True)
                said = words
            if run["status"] in ("done", "cancelled"):
                return run
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        typer.echo(f"act {run_id} of {service} goes on; the console can pause it", err=True)
        raise typer.Exit(130) from None


def _told(run: dict[str, Any]) -> str:
    state = "" if run["status"] == "running" else f", {run['status']}"
    return f"{run['keys'] - run['left']} of {run['keys']} keys{state}"
