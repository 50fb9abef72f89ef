"""What tests show of the contracts: facts that were said, and what hearers read of what they heard.

Off unless a test session calls `watch`. A fact being handled is then watched as it is: reading a
field of it, or of a part of it, is noted with its path; a part that ends up whole in an aggregate
or in a fact that is said is noted as kept whole (``/account/**``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from chassis.consumer import Consumer
from chassis.repository import Repository
from chassis.transaction import Transaction
from contracts.event import Event
from contracts.parties import Snapshot

WHOLE = "/**"
_WHOLE_BY = frozenset({"__dict__", "model_dump", "model_dump_json", "model_copy"})


@dataclass(slots=True)
class Heard:
    """What one hearer does with one fact."""

    reads: set[str] = field(default_factory=set)
    handled: list[Any] = field(default_factory=list)
    """Values as they came, of facts that were handled without complaint; one of each shape."""


@dataclass(slots=True)
class Evidence:
    """All that was seen in a session."""

    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By type and shape: one value of each."""
    heard: dict[tuple[str, str], Heard] = field(default_factory=dict)
    """By hearer and type."""

    def note_said(self, event_type: str, payload: bytes) -> None:
        value = json.loads(payload)
        self.said.setdefault(event_type, {}).setdefault(shape(value), value)

    def of(self, consumer: str, event_type: str) -> Heard:
        return self.heard.setdefault((consumer, event_type), Heard())


class _Scope:
    """One fact while it is handled: where its parts are, and what was read."""

    def __init__(self, fact: Event) -> None:
        self.paths: dict[int, str] = {}
        self.reads: set[str] = set()
        self._fact = fact  # keeps the parts, so that no other object takes their ids
        self._place(fact, "")

    def _place(self, value: Any, at: str) -> None:
        if isinstance(value, Event | Snapshot):
            self.paths[id(value)] = at
            for name, child in _fields(value).items():
                self._place(child, f"{at}/{name}")
        elif isinstance(value, tuple | list):
            for child in value:
                self._place(child, f"{at}/*")

    def note_read(self, of: object, name: str) -> None:
        at = self.paths.get(id(of))
        if at is None:
            return
        if name in type(of).__pydantic_fields__:  # type: ignore[attr-defined]
            self.reads.add(f"{at}/{name}")
        elif name in _WHOLE_BY and at:
            self.reads.add(at + WHOLE)

    def note_kept(self, value: Any, depth: int = 0) -> None:
        """Parts of the fact that another object now holds."""
        at = self.paths.get(id(value))
        if at:
            self.reads.add(at + WHOLE)
        elif isinstance(value, BaseModel) and depth < 8:
            for child in _fields(value).values():
                self.note_kept(child, depth + 1)
        elif isinstance(value, tuple | list) and depth < 8:
            for child in value:
                self.note_kept(child, depth + 1)


_scope: ContextVar[_Scope | None] = ContextVar("scope", default=None)
_ATTRIBUTE = object.__getattribute__


def _fields(model: BaseModel) -> dict[str, Any]:
    found: dict[str, Any] = _ATTRIBUTE(model, "__dict__")
    return found


def shape(value: Any, at: str = "") -> str:
    """Which fields a value has, which are null, and what short texts it holds: values of one shape
    show nothing that another does not."""
    return json.dumps(sorted(_traits(value, at)))


def _traits(value: Any, at: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _traits(child, f"{at}/{name}")
    elif isinstance(value, list):
        yield f"{at}[{min(len(value), 1)}]"
        for child in value:
            yield from _traits(child, f"{at}/*")
    elif isinstance(value, str) and value.replace("_", "").isalpha() and value.islower():
        yield f"{at}={value}"
    else:
        yield f"{at}:{'null' if value is None else ''}"


@contextmanager
def _listening(evidence: Evidence, consumer: str, fact: Event) -> Iterator[None]:
    """Note what is read of a fact; that it was handled, when nothing is raised."""
    value = json.loads(fact.model_dump_json())
    scope = _Scope(fact)
    token = _scope.set(scope)
    heard = evidence.of(consumer, fact.name)
    try:
        yield
        key = shape(value)
        if all(shape(known) != key for known in heard.handled):
            heard.handled.append(value)
    finally:
        _scope.reset(token)
        heard.reads |= scope.reads


def watch(evidence: Evidence) -> None:
    """From here on, everything that is heard in this process is watched."""

    def reading(self: Any, name: str) -> Any:
        scope = _scope.get()
        if scope is not None:
            scope.note_read(self, name)
        return _ATTRIBUTE(self, name)

    for base in (Event, Snapshot):
        base.__getattribute__ = reading  # type: ignore[method-assign]
    handle, wanted = Consumer.handle, Consumer.wanted
    save, publish = Repository.save, Transaction.publish

    async def handle_watched(self: Consumer, fact: Event, tx: Transaction) -> None:
        with _listening(evidence, self.group, fact):
            await handle(self, fact, tx)

    def wanted_watched(self: Consumer, fact: Event, into: Any) -> None:
        heard = evidence.of(self.group, fact.name)
        before = list(heard.handled)
        with _listening(evidence, self.group, fact):
            wanted(self, fact, into)
        heard.handled = before

    async def save_watched(self: Any, aggregate: Any) -> Any:
        _note_kept(aggregate)
        return await save(self, aggregate)

    def publish_watched(self: Transaction, fact: Event) -> None:
        _note_kept(fact)
        publish(self, fact)

    replace: Callable[[type, str, Any], None] = setattr
    replace(Consumer, "handle", handle_watched)
    replace(Consumer, "wanted", wanted_watched)
    replace(Repository, "save", save_watched)
    replace(Transaction, "publish", publish_watched)


def _note_kept(value: Any) -> None:
    scope = _scope.get()
    if scope is not None:
        scope.note_kept(value)
