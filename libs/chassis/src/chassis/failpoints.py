"""Named places between two steps, where a test lets a process die.

Nothing happens here, and no setting makes anything happen: a test replaces `reached` in a process
that it starts itself (`testkit.launch`), before the service is imported.

| Point | A process that dies there has |
|---|---|
| ``after_begin`` | decided in an open transaction, inputs locked, inbox rows written; no effect |
| ``after_effect`` | written its aggregates and rows as well; no fact |
| ``after_outbox_insert`` | written all; nothing is committed |
| ``after_commit`` | committed; its relay does not know yet |
| ``after_produce`` | handed facts to the producer; Kafka may or may not have them |
| ``after_acknowledgement`` | Kafka's acknowledgement; the outbox still holds the facts |
| ``after_inbox_commit`` | committed what a batch of messages did; Kafka does not know |
| ``after_offset_commit`` | told Kafka how far it has come |
"""

from __future__ import annotations

POINTS = (
    "after_begin",
    "after_effect",
    "after_outbox_insert",
    "after_commit",
    "after_produce",
    "after_acknowledgement",
    "after_inbox_commit",
    "after_offset_commit",
)


def reached(point: str, amount: int = 1) -> None:
    """The process is at a point. ``amount``: how many facts, messages or offsets are concerned."""
