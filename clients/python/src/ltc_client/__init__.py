"""Hear the facts of lead to cash: nothing missed, nothing twice, on from where you stopped.

for fact in ltc_client.feed("https://hub.example", types="deal.*", checkpoint=InFile("here")):
    print(fact.said)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from ltc_client.checkpoints import Checkpoint, InFile, InMemory
from ltc_client.errors import (
    BadCheckpoint,
    BadSignature,
    ClientError,
    MissingExtra,
    PositionExpired,
    Refused,
    Superseded,
)
from ltc_client.fact import Fact, State, UnknownFact, as_cloudevent, from_cloudevent
from ltc_client.signatures import Verifier
from ltc_client.sql import TABLES, InSql
from ltc_client.subscription import Subscription
from ltc_client.types import Types

__version__ = "0.1.0"
__all__ = [
    "TABLES",
    "BadCheckpoint",
    "BadSignature",
    "Checkpoint",
    "ClientError",
    "Fact",
    "InFile",
    "InMemory",
    "InSql",
    "MissingExtra",
    "PositionExpired",
    "Refused",
    "State",
    "Subscription",
    "Superseded",
    "UnknownFact",
    "Verifier",
    "as_cloudevent",
    "feed",
    "from_cloudevent",
    "kafka",
    "webhook",
]
Start = Literal["oldest", "latest"]


def kafka(
    bootstrap: str,
    *,
    types: str | Iterable[str] = (),
    checkpoint: Checkpoint | None = None,
    group: str | None = None,
    start: Start = "oldest",
    **connection: Any,
) -> Subscription:
    """Door 1, the public topics. ``connection`` goes to aiokafka as it is: ``security_protocol``,
    ``ssl_context``, ``sasl_mechanism`` and the like.

    Without ``group`` one process reads everything. In a group several share the work, and without a
    checkpoint the group's offsets at Kafka are one: then a fact may come again after a crash.
    """
    from ltc_client.doors.kafka import KafkaDoor

    chosen = Types(types)
    door = KafkaDoor(
        bootstrap,
        chosen,
        group=group,
        latest=start == "latest",
        trust_group=checkpoint is None,
        connection=connection,
    )
    return Subscription(door, chosen, checkpoint)


def feed(
    url: str,
    *,
    types: str | Iterable[str] = (),
    checkpoint: Checkpoint | None = None,
    token: str | Callable[[], str] | None = None,
    start: Start = "oldest",
    stream: bool = False,
) -> Subscription:
    """Door 3, the hub's feed: by long polling, or as a stream of server-sent events. A ``token``
    that runs out is given as a function, which is asked before each request."""
    from ltc_client.doors.feed import FeedDoor
    from ltc_client.doors.stream import StreamDoor

    chosen = Types(types)
    door = StreamDoor if stream else FeedDoor
    return Subscription(
        door(url, chosen, token=token, latest=start == "latest"), chosen, checkpoint
    )


def webhook(
    *secrets: str,
    types: str | Iterable[str] = (),
    checkpoint: Checkpoint | None = None,
    host: str = "127.0.0.1",
    port: int = 8099,
    path: str = "/",
    patience_s: float = 10.0,
    tolerance_s: float = 300.0,
) -> Subscription:
    """Door 2, a receiver of webhooks; TLS is the business of what stands before it. In a web server
    of your own use `Verifier` and `from_cloudevent`, and answer after your commit."""
    from ltc_client.doors.webhook import WebhookDoor

    verifier = Verifier(*secrets, tolerance_s=tolerance_s)
    door = WebhookDoor(verifier, host=host, port=port, path=path, patience_s=patience_s)
    return Subscription(door, Types(types), checkpoint)
