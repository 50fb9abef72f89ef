"""Who may say and hear what: the principals of the platform, and what any outsider gets."""

from __future__ import annotations

from typing import NamedTuple

from contracts.catalog import CATALOG, PUBLIC_TOPICS, STAGES, STATE_TOPICS

CONSOLE = "console"
HUB = "hub"
CHECKER = "ltc-verify"


class Access(NamedTuple):
    """What one principal may do with topics and consumer groups; everything else is refused."""

    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """Groups it may hear in."""
    group_prefix: str | None = None
    """It may hear in every group so named."""
    watches_groups: bool = False
    """It may see how far every group has come."""
    watches: tuple[str, ...] = ()
    """Topics of which it may see how far they go, and nothing that is in them."""


def principals() -> dict[str, Access]:
    """Those of the platform: a service writes the topic of its own stage, reads those it hears, and
    has one group, all under its own name. The hub, which hears all, writes the states."""
    return {
        **{f"{stage}-svc": _of_stage(stage) for stage in STAGES},
        CONSOLE: Access(
            reads=PUBLIC_TOPICS, groups=(CONSOLE,), watches_groups=True, watches=STATE_TOPICS
        ),
        HUB: Access(writes=STATE_TOPICS, reads=PUBLIC_TOPICS, groups=(HUB,)),
        CHECKER: Access(reads=PUBLIC_TOPICS, watches_groups=True),
    }


def outsider(name: str) -> Access:
    """Anybody else: the public topics and the states to begin with, in groups that begin with the
    own name and a dot. Kafka cannot leave fields out, so only who may have personal data is one."""
    return Access(reads=(*PUBLIC_TOPICS, *STATE_TOPICS), group_prefix=f"{name}.")


def _of_stage(stage: str) -> Access:
    heard = {entry.fact.topic for entry in CATALOG.values() if stage in entry.hearers}
    return Access(
        writes=(f"ltc.{stage}.v1",),
        reads=tuple(sorted(heard)),
        groups=(f"{stage}-svc",),
    )
