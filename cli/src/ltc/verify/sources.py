"""Where the evidence is: eight databases and a broker, each only ever read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from chassis.cluster import Cluster
from ltc.programs import checker_dsn, cluster
from ltc.settings import STAGES, SUBSCRIBERS, Settings

DOWNSTREAM_FIRST = (*SUBSCRIBERS, *reversed(STAGES))
"""The order of the snapshots. What a later stage has made of an earlier one's fact is then never
seen without it, however busy the platform is."""


class CannotCheck(Exception):
    """The evidence cannot be had or read; the message is one sentence for people."""

    exit_code = 2


@dataclass(frozen=True)
class Sources:
    """An installation's databases by service name, as PostgreSQL addresses, and its Kafka."""

    databases: Mapping[str, str]
    kafka: Cluster

    @classmethod
    def of(cls, settings: Settings, *, dsn: str | None = None, kafka: str | None = None) -> Sources:
        """A local installation's; or any other's, with ``dsn`` holding ``{name}`` for the database:
        ``postgresql://checker:secret@db.internal/{name}``."""
        if dsn is not None and "{name}" not in dsn:
            raise CannotCheck("the address of the databases must hold {name} for the service")
        databases = {
            name: dsn.replace("{name}", quote(name)) if dsn else checker_dsn(settings, name)
            for name in DOWNSTREAM_FIRST
        }
        return cls(databases, cluster(settings, elsewhere=kafka))
