"""The small installation that the checker is tested on, with a Kafka of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from importlib import import_module
from ipaddress import ip_network

import pytest
from cli.tests.verify.small_installation import ORDERS, Chain, Loaded, more_of_life, subscribe

from chassis.cluster import Cluster
from local_infra.kafka import Kafka
from local_infra.ports import free_port
from local_infra.topics import ensure_topics
from ltc.programs import package_of
from ltc.settings import SERVICES
from ltc.verify.run import Wish, check, load
from ltc.verify.scratch import new_scratch
from ltc.verify.sources import Sources
from testkit.deadline import DEADLINE_S
from testkit.service_instances import running
from testkit.webhook_receiver import receiving


@pytest.fixture(scope="package")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Kafka that holds nothing but what these tests say."""
    home = tmp_path_factory.mktemp("verify-kafka")
    kafka = Kafka(home, free_port(), free_port())
    kafka.start()
    try:
        yield kafka.bootstrap
    finally:
        kafka.stop()


@pytest.fixture(scope="package")
async def chain(broker: str) -> AsyncIterator[Chain]:
    """Twelve web orders that have become cash, leads that wait or were turned down, moved deals."""
    await ensure_topics(Cluster(broker))
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(receiving())
        services = {}
        for name in SERVICES:
            package = package_of(name)
            service = import_module(f"{package}.main").service
            services[name] = await stack.enter_async_context(
                running(
                    service,
                    package,
                    bootstrap=broker,
                    egress_networks=(ip_network("127.0.0.0/8"),),
                )
            )
        databases = {
            name: service.harness.settings.database_url.get_secret_value().replace("+asyncpg", "")
            for name, service in services.items()
        }
        chain = Chain(services, Sources(databases, Cluster(broker)))
        await subscribe(chain, receiver.url("/all"), stages=["lead"])
        await subscribe(chain, receiver.url("/some"), types=["lead.*", "journey.settled"])
        await chain.capture(range(ORDERS))
        await more_of_life(chain)
        await chain.at_rest(ORDERS + 1)
        yield chain


@pytest.fixture(scope="package")
async def loaded(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Loaded]:
    """Everything read as a run reads it, with a history and a statement that agree."""
    rest = await check(chain.sources, Wish(only=["D8"], wait_s=DEADLINE_S))
    assert rest.words() == ""
    folder = tmp_path_factory.mktemp("verify")
    history = folder / "history.ndjson"
    history.write_text("".join(json.dumps(line) + "\n" for line in chain.history))
    payments = await chain.services["billing"].rows(
        "SELECT source, bank_reference, body->'amount'->>'amount', currency, received_at::text"
        " FROM payment WHERE source = 'alipay'"
    )
    statement = folder / "statement.csv"
    lines = [",".join((*row[:4], "in", row[4])) for row in payments]
    statement.write_text("\n".join(["source,reference,amount,currency,direction,at", *lines]))
    with new_scratch(folder / "spill") as scratch:
        wish = Wish(history=history, statement=statement)
        await load(scratch, chain.sources, folder, wish, lambda _: None)
        yield Loaded(scratch)
