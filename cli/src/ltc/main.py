"""The command line. Exit codes: 2 usage, 3 prerequisite, 4 port taken, 5 did not become ready."""

from __future__ import annotations

import contextlib
import json
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from local_infra.errors import CannotStart
from ltc import doctor as checks
from ltc import lifecycle, views
from ltc.installation import Installation
from ltc.settings import SERVICES, BadSetting, Settings


class Commands(TyperGroup):
    """Turns what people did wrong or lack into a sentence on stderr and an exit code."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except (CannotStart, BadSetting) as error:
            print(error, file=sys.stderr)
            raise typer.Exit(error.exit_code) from error


app = typer.Typer(
    cls=Commands,
    help="An open lead-to-cash platform on one machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Only = Annotated[
    list[str] | None, typer.Option("--only", help=f"Only these services: {', '.join(SERVICES)}.")
]
Instances = Annotated[int, typer.Option(min=1, max=8, help="Processes per service.")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command()
def up(
    only: Only = None,
    instances: Instances = 1,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when ready.")] = False,
) -> None:
    """Start everything and look after it until Ctrl-C.

    Ports: LTC_PG_PORT (25432), LTC_KAFKA_PORT (29092 and the next), LTC_PORT_BASE (8100). An
    existing PostgreSQL or Kafka: LTC_POSTGRES_DSN, LTC_KAFKA_BOOTSTRAP. State: LTC_HOME (.ltc).
    """
    settings = Settings.from_env()
    _require_known(only or [])
    if detach:
        arguments = [word for name in only or [] for word in ("--only", name)]
        print(lifecycle.detach(settings, [*arguments, "--instances", str(instances)]))
    else:
        lifecycle.supervise(Installation(settings, only=only or [], instances=instances))


@app.command()
def down() -> None:
    """Stop everything, also what a killed supervisor left behind."""
    stopped = lifecycle.take_down(Settings.from_env())
    print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.command()
def status(as_json: AsJson = False) -> None:
    """What runs, and whether it is ready."""
    found = views.processes(Settings.from_env())
    if as_json:
        print(json.dumps([view.as_dict() for view in found], indent=2))
        return
    if not found:
        print("nothing is running: `ltc up` starts it")
        return
    table = Table("process", "state", "pid", "port", "up s", "MiB")
    for view in found:
        style = {"ready": "green", "stopped": "red"}.get(view.state, "")
        cells = (view.pid, view.port, view.up_s, view.memory_mib)
        shown = ["" if cell is None else str(cell) for cell in cells]
        table.add_row(view.name, view.state, *shown, style=style)
    Console().print(table)


@app.command()
def logs(
    name: Annotated[str | None, typer.Argument(help="One process; all when left out.")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as they grow.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", help="How many to begin with.")] = 20,
) -> None:
    """The end of the logs."""
    settings = Settings.from_env()
    files = views.log_files(settings, name)
    if name is not None and not files[0].exists():
        known = ", ".join(file.stem for file in views.log_files(settings, None)) or "none"
        raise typer.BadParameter(f"no log of {name}; there are: {known}")
    for process, line in views.last_lines(files, lines):
        print(f"{process:<11}{line}")
    if follow:
        with contextlib.suppress(KeyboardInterrupt):
            for process, line in views.follow(lambda: views.log_files(settings, name)):
                print(f"{process:<11}{line}", flush=True)


@app.command()
def restart(
    name: Annotated[str, typer.Argument(help="A process as `ltc status` names it.")],
) -> None:
    """Stop one process and have the supervisor start it anew."""
    lifecycle.restart(Settings.from_env(), name)
    print(f"{name} restarted")


@app.command()
def token(
    role: Annotated[list[str] | None, typer.Option("--role", help="Repeat for more.")] = None,
    name: Annotated[str, typer.Option(help="Shown in histories.")] = "Developer",
    team: Annotated[list[str] | None, typer.Option("--team", help="Repeat for more.")] = None,
    email: Annotated[str | None, typer.Option()] = None,
    ttl_s: Annotated[int, typer.Option(min=1, help="Seconds it is good for.")] = 3600,
) -> None:
    """A bearer token of the local issuer (role: admin unless given)."""
    from chassis.issuer import mint  # half a second that no other command needs to wait

    settings = Settings.from_env()
    subject = name.lower().replace(" ", ".")
    signed = mint(
        settings.key_file, settings.issuer, sub=subject, name=name, email=email,
        roles=role or ["admin"], teams=team or [], ttl_s=ttl_s,
    )  # fmt: skip
    print(signed)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check what a start needs; exit code 3 when something is missing."""
    findings = checks.examine(Settings.from_env())
    if as_json:
        print(json.dumps([vars(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            print(f"{'ok     ' if finding.ok else 'MISSING'} {finding.name:<12} {finding.text}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(3)


@app.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete all local data, secrets and logs of this installation."""
    settings = Settings.from_env()
    if not yes:
        typer.confirm(f"Delete everything stored under {settings.home}?", abort=True)
    lifecycle.forget(settings)
    print(f"{settings.home} is empty; `ltc up` starts afresh")


def _require_known(names: list[str]) -> None:
    for name in names:
        if name not in SERVICES:
            raise typer.BadParameter(f"{name} is no service; there are: {', '.join(SERVICES)}")


for _extension in (
    "ltc.agreements",
    "ltc.demo",
    "ltc.deployments",
    "ltc.dlq",
    "ltc.unsent",
    "ltc.imports",
    "ltc.rebuild",
    "ltc.replay",
    "ltc.schemas",
    "ltc.stuck",
    "ltc.trace",
    "ltc.verify.command",
):
    # Each brings commands of its own with `register(app)`; a wheel may leave some out.
    if find_spec(_extension) is not None:
        import_module(_extension).register(app)


if __name__ == "__main__":
    app()
