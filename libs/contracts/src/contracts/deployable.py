"""Whether a version may join what runs in an environment: a question to its record, not to hope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from contracts.catalog import FACTS, producer
from contracts.needs import ANY, Hearer, Need, expanded, hearers, present
from contracts.paths import WHOLE, steps
from contracts.schema import PACKAGE, as_text

ENVIRONMENTS = Path("deploy") / "environments"


class UnknownToRecord(ValueError):
    """The record cannot answer; the message is one sentence for people."""


class Said(BaseModel):
    """What a version says at one field: where null may stand, and known values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    null: bool = False
    known: tuple[str, ...] = ()


class Version(BaseModel):
    """A version of one service as others meet it: what it says, and what it needs to hear."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str
    version: str
    says: dict[str, dict[str, Said]]
    """By type and path."""
    needs: dict[str, Need]


class Environment(BaseModel):
    """What runs in one place, and what ran there before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    running: dict[str, str] = {}
    """Version by service."""
    since: dict[str, AwareDatetime] = {}
    versions: tuple[Version, ...] = ()
    """Every version that runs or ran here, so that a roll-back can be asked about."""

    def version(self, service: str, version: str) -> Version | None:
        mine = (v for v in self.versions if (v.service, v.version) == (service, version))
        return next(mine, None)

    def up(self) -> dict[str, Version]:
        found = {s: self.version(s, v) for s, v in self.running.items()}
        return {service: version for service, version in found.items() if version is not None}


class Obstacle(BaseModel):
    """Why a version may not go."""

    kind: Literal["breaks", "unheard"]
    consumer: str
    type: str
    field: str = ""
    detail: str

    def __str__(self) -> str:
        what = f"{self.field} of {self.type}" if self.field else self.type
        return f"{self.consumer} needs {what}, {self.detail}"


def version_of_tree(service: str, version: str, package: Path = PACKAGE) -> Version:
    """A service's contracts as they are in this checkout. Raises UnknownToRecord."""
    registered = hearers(package)
    if service not in registered or registered[service].runs_in:
        deployed = ", ".join(n for n, h in registered.items() if not h.runs_in)
        raise UnknownToRecord(f"{service} is no service; there are: {deployed}.")
    mine = {n: p for n, p in present().items() if f"{producer(FACTS[n])}-svc" == service}
    says = {
        name: {path: Said(null=p.nullable, known=p.known) for path, p in fields.items()}
        for name, fields in mine.items()
    }
    needs = expanded(registered[service])
    return Version(service=service, version=version, says=says, needs=needs)


def obstacles(
    going: Sequence[Version], there: Mapping[str, Version], standing: Sequence[Hearer], where: str
) -> list[Obstacle]:
    """All that speaks against these versions, together, in an environment."""
    after = {**there, **{version.service: version for version in going}}
    says = {name: fields for version in after.values() for name, fields in version.says.items()}
    ours = {name for name, version in _speakers(after) if version in going}
    found: list[Obstacle] = []
    for service, version in after.items():
        moving = version in going
        for name, need in version.needs.items():
            if name in says:
                if moving or name in ours:
                    found += _unmet(service, name, need, says[name], breaks=not moving)
            elif moving and not need.early:
                detail = f"which nobody in {where} says yet"
                found.append(Obstacle(kind="unheard", consumer=service, type=name, detail=detail))
    for hearer in standing:
        for name, need in expanded(hearer).items():
            if name in ours:
                found += _unmet(hearer.consumer, name, need, says[name], breaks=True)
    return found + list(_silenced(going, there, after, standing, says))


def _speakers(versions: Mapping[str, Version]) -> Iterator[tuple[str, Version]]:
    for version in versions.values():
        for name in version.says:
            yield name, version


def _silenced(
    going: Sequence[Version],
    there: Mapping[str, Version],
    after: Mapping[str, Version],
    standing: Sequence[Hearer],
    says: Mapping[str, object],
) -> Iterator[Obstacle]:
    """Facts that would not be said any more, by who still needs them."""
    for version in going:
        before = there.get(version.service)
        gone = (before.says.keys() if before else set()) - says.keys()
        detail = f"which {version.service} {version.version} no longer says"
        needing = [(s, v.needs) for s, v in after.items() if v not in going]
        needing += [(hearer.consumer, dict(hearer.needs)) for hearer in standing]
        for name in sorted(gone):
            for consumer, needs in needing:
                if name in needs or ANY in needs:
                    yield Obstacle(kind="breaks", consumer=consumer, type=name, detail=detail)


def _unmet(
    consumer: str, name: str, need: Need, says: Mapping[str, Said], *, breaks: bool
) -> Iterator[Obstacle]:
    def obstacle(field: str, detail: str) -> Obstacle:
        kind: Literal["breaks", "unheard"] = "breaks" if breaks else "unheard"
        return Obstacle(kind=kind, consumer=consumer, type=name, field=field, detail=detail)

    for path in need.reads:
        if path.removesuffix(WHOLE) not in says:
            yield obstacle(path, "which is not said")
            continue
        for step in steps(path):
            if says[step].null and need.null.get(step, "never") == "never":
                yield obstacle(step, "which may be null, and it counts on a value")
    for path, handled in need.values.items():
        others = set(says[path].known) - set(handled) if path in says else set()
        if others and ANY not in handled:
            yield obstacle(
                path, f"which may say {', '.join(sorted(others))}; it cannot handle that"
            )


def read(folder: Path, name: str) -> Environment | None:
    """The record of an environment; none where nothing was ever recorded."""
    file = folder / f"{name}.json"
    if not file.exists():
        return None
    try:
        return Environment.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise UnknownToRecord(
            f"{file} is no record of an environment: {error.errors()[0]['msg']}."
        ) from error


def write(folder: Path, environment: Environment) -> Path:
    file = folder / f"{environment.name}.json"
    folder.mkdir(parents=True, exist_ok=True)
    text = environment.model_dump(mode="json", exclude_defaults=True)
    file.write_text(as_text(text), encoding="utf-8")
    return file


def recorded(folder: Path, service: str, version: str) -> Version | None:
    """A version from the record of any environment: what ran somewhere is known."""
    for file in sorted(folder.glob("*.json")):
        environment = read(folder, file.stem)
        found = environment.version(service, version) if environment else None
        if found is not None:
            return found
    return None


def standing_in(name: str, registered: Mapping[str, Hearer]) -> list[Hearer]:
    """Who is in an environment without our deploying it."""
    return [h for h in registered.values() if ANY in h.runs_in or name in h.runs_in]
