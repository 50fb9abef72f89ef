"""``python -m contracts.compat``: whether a change of the facts breaks those who listen.

Compares today's schemas with those of the merge base, and every fixture ever committed with today's
models. Names the type, the field and the rule, and says what to do instead.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from contracts.catalog import FACTS
from contracts.generate import GOLDEN, LIBRARY, ROOT, schema_of

INSTEAD = "publish a new version of the type beside the old one"


@dataclass(frozen=True, slots=True)
class Breach:
    """One way in which a change would break a hearer."""

    type: str
    field: str
    rule: str

    def __str__(self) -> str:
        return f"{self.type}: {self.field}: {self.rule}; {INSTEAD}"


def compare(name: str, old: dict[str, Any], new: dict[str, Any] | None) -> list[Breach]:
    """What of a type's change breaks hearers of the old; an empty list when nothing does."""
    if new is None:
        return [Breach(name, "", "the type was removed")]
    found: list[Breach] = []
    for word, rule in (("x-topic", "the topic changed"), ("x-key", "the key changed")):
        if old.get(word) != new.get(word):
            found.append(Breach(name, word.removeprefix("x-"), rule))
    found += _objects(name, "", old, new, old.get("$defs", {}), new.get("$defs", {}))
    return found


def _objects(
    name: str, at: str, old: dict[str, Any], new: dict[str, Any], olds: Any, news: Any
) -> Iterator[Breach]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for field, spec in before.items():
        path = f"{at}/{field}"
        if field not in after:
            yield Breach(name, path, "the field was removed or renamed")
            continue
        if field in old.get("required", []) and field not in new.get("required", []):
            yield Breach(name, path, "a field that was always there became optional")
        yield from _values(name, path, spec, after[field], olds, news)
    for field in new.get("required", []):
        if field not in old.get("required", []):
            word = "a new field is required" if field not in before else "the field became required"
            yield Breach(name, f"{at}/{field}", word)


_TIGHTER = {
    "minLength": 1,
    "maxLength": -1,
    "minimum": 1,
    "maximum": -1,
    "exclusiveMinimum": 1,
    "exclusiveMaximum": -1,
    "minItems": 1,
    "maxItems": -1,
}


def _values(name: str, at: str, old: Any, new: Any, olds: Any, news: Any) -> Iterator[Breach]:
    old, new = _resolved(old, olds), _resolved(new, news)
    if _types(old, olds) != _types(new, news):
        yield Breach(name, at, f"the type changed from {_types(old, olds)} to {_types(new, news)}")
        return
    for word in ("format", "pattern", "x-personal", "x-unit"):
        if old.get(word) != new.get(word):
            yield Breach(name, at, f"{word} changed from {old.get(word)} to {new.get(word)}")
    if "enum" in old and set(old["enum"]) != set(new.get("enum", old["enum"])):
        yield Breach(name, at, "the known values changed; values are open, keep them as text")
    for word, direction in _TIGHTER.items():
        was, now = old.get(word), new.get(word)
        if now is not None and (was is None or (now - was) * direction > 0):
            yield Breach(name, at, f"{word} was tightened from {was} to {now}")
    if old.get("type") == "object" or "properties" in old:
        yield from _objects(name, at, old, new, olds, news)
    if old.get("type") == "array":
        yield from _values(name, f"{at}[]", old.get("items", {}), new.get("items", {}), olds, news)
    for was, now in zip(old.get("anyOf", []), new.get("anyOf", []), strict=False):
        yield from _values(name, at, was, now, olds, news)


def _resolved(spec: Any, defs: Any) -> Any:
    ref = spec.get("$ref") if isinstance(spec, dict) else None
    return defs[ref.rsplit("/", 1)[1]] if ref else spec


def _types(spec: Any, defs: Any) -> str:
    if "anyOf" in spec:
        return " or ".join(
            sorted(_types(_resolved(option, defs), defs) for option in spec["anyOf"])
        )
    return str(spec.get("type", "any"))


def fixture_breaches() -> list[Breach]:
    """Every fixture ever committed must still be readable."""
    found: list[Breach] = []
    for path in sorted(GOLDEN.glob("*.json")):
        fact = FACTS.get(path.stem)
        if fact is None:
            found.append(Breach(path.stem, "", "the type was removed"))
            continue
        try:
            fact.model_validate(json.loads(path.read_text(encoding="utf-8"))["value"])
        except ValidationError as error:
            first = error.errors()[0]
            field = "/" + "/".join(map(str, first["loc"]))
            found.append(Breach(path.stem, field, f"an old message is refused: {first['msg']}"))
    return found


def merge_base() -> str | None:
    """The commit that this work started from; none in a repository without one."""
    for branch in ("origin/main", "main"):
        done = subprocess.run(
            ["git", "merge-base", "HEAD", branch],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return done.stdout.strip()
    return None


def committed(base: str, folder: str) -> dict[str, str]:
    """The files of a folder of the library as they were in a commit, by type."""
    prefix = f"{LIBRARY.relative_to(ROOT)}/{folder}/"
    listed = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", base, prefix],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    texts: dict[str, str] = {}
    for path in listed.stdout.split():
        shown = subprocess.run(
            ["git", "show", f"{base}:{path}"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        texts[path.removeprefix(prefix).removesuffix(".json")] = shown.stdout
    return texts


def breaches(base: str) -> list[Breach]:
    found: list[Breach] = []
    for name, text in committed(base, "schemas").items():
        fact = FACTS.get(name)
        found += compare(name, json.loads(text), schema_of(fact) if fact else None)
    for name, text in committed(base, "tests/golden").items():
        path = GOLDEN / f"{name}.json"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            found.append(Breach(name, "", "a fixture was edited or removed"))
    return found + fixture_breaches()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", help="compare with this commit instead of the merge base")
    parser.add_argument(
        "--allow-breaking", action="store_true", help="print breaches and go on (before 1.0)"
    )
    arguments = parser.parse_args()
    base = arguments.base or merge_base()
    found = breaches(base) if base else fixture_breaches()
    for breach in found:
        print(breach)  # noqa: T201 - this is a command
    return 0 if arguments.allow_breaking or not found else 1


if __name__ == "__main__":
    raise SystemExit(main())
