"""What a service listens to. ``@consumer.on(Fact)`` is all that a service sees of the machinery."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.repository import Repository
from chassis.transaction import Transaction
from contracts.event import Event

E = TypeVar("E", bound=Event)

Handler = Callable[[Any, Transaction], Awaitable[None]]
Ids = Callable[[Any], UUID | Iterable[UUID]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One function of a service that hears one fact."""

    fact: type[Event]
    handler: Handler
    loads: Mapping[type[Repository[Any]], Ids]


@dataclass(slots=True)
class Consumer:
    """The subscriptions of one service: one consumer group, one inbox name."""

    group: str
    gathers_s: float = 0.0
    """How long a batch is followed by nothing, so that more comes together in the next: for those
    who hear everything, to whom each transaction costs more than the facts in it. The first fact
    after a silence, and what follows a full batch, waits for nothing."""
    observes: bool = False
    """The promise that nothing kept here depends on the order of a key's messages beyond the number
    that each fact carries. So a message that cannot be handled holds up none behind it: it is set
    aside (`chassis.observing`), one that nobody can read at once, any other after its last try.
    Whoever makes no such promise keeps the key parked until a person decides."""
    subscriptions: dict[str, list[Subscription]] = field(default_factory=dict)

    def on(
        self,
        fact: type[E],
        *,
        loads: Mapping[type[Repository[Any]], Ids] | None = None,
    ) -> Callable[
        [Callable[[E, Transaction], Awaitable[None]]], Callable[[E, Transaction], Awaitable[None]]
    ]:
        """Hear a fact. The chassis has decoded, deduplicated, traced and begun before the call.

        ``loads`` says which aggregates the function will get, so that a batch loads them in one
        statement; what is not announced is loaded one by one.
        """

        def subscribe(
            handler: Callable[[E, Transaction], Awaitable[None]],
        ) -> Callable[[E, Transaction], Awaitable[None]]:
            subscription = Subscription(fact, handler, dict(loads or {}))
            self.subscriptions.setdefault(fact.name, []).append(subscription)
            return handler

        return subscribe

    def on_all(
        self, facts: Mapping[str, type[Event]], glimpse: type[E]
    ) -> Callable[
        [Callable[[E, Transaction], Awaitable[None]]], Callable[[E, Transaction], Awaitable[None]]
    ]:
        """Hear every fact of a catalogue through one class that reads only what it needs.

        For projections of everything: reading each fact in full would be most of their cost.
        """

        def subscribe(
            handler: Callable[[E, Transaction], Awaitable[None]],
        ) -> Callable[[E, Transaction], Awaitable[None]]:
            for name, fact in facts.items():
                view = type(
                    f"Glimpse{fact.__name__}",
                    (glimpse,),
                    {
                        "__module__": glimpse.__module__,
                        "model_config": ConfigDict(use_attribute_docstrings=False),
                        "name": name,
                        "topic": fact.topic,
                        "key": fact.key,
                        "__annotations__": {
                            "name": ClassVar[str],
                            "topic": ClassVar[str],
                            "key": ClassVar[str],
                        },
                    },
                )
                self.subscriptions[name] = [Subscription(view, handler, {})]
            return handler

        return subscribe

    @property
    def topics(self) -> list[str]:
        return sorted({s.fact.topic for group in self.subscriptions.values() for s in group})

    def fact(self, event_type: str) -> type[Event] | None:
        """The class of a type that is listened to; none for one that is not."""
        subscriptions = self.subscriptions.get(event_type)
        return subscriptions[0].fact if subscriptions else None

    def wanted(self, fact: Event, into: dict[type[Repository[Any]], set[UUID]]) -> None:
        """Collect the ids of what the handlers of a fact will get."""
        for subscription in self.subscriptions[fact.name]:
            for repository, ids in subscription.loads.items():
                found = ids(fact)
                wanted = into.setdefault(repository, set())
                wanted.update((found,) if isinstance(found, UUID) else found)

    async def handle(self, fact: Event, tx: Transaction) -> None:
        for subscription in self.subscriptions[fact.name]:
            await subscription.handler(fact, tx)
