"""The Kafka interface with authentication: an external principal, over TLS, in its own groups."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.helpers import create_ssl_context
from speaking import a_deal, publish

import ltc_client
from contracts.access import principals
from local_infra.processes import run_sync
from ltc_client import Fact, Refused
from testkit.deadline import DEADLINE_S
from testkit.secured_kafka import SecuredKafka, grants

WORD = "a long word for the erp"


DEAL = list(a_deal(1))
"""The broker is shared with other tests, whose deals stand on the same topic."""


@pytest.fixture(scope="module")
def kafka(secured_kafka: SecuredKafka, tmp_path_factory: pytest.TempPathFactory) -> SecuredKafka:
    broker = secured_kafka
    users = {**{name: f"{WORD} {name}" for name in principals()}, "erp": WORD}
    granted = grants(broker.cluster(), tmp_path_factory.mktemp("principals"), users)
    assert granted.returncode == 0, granted.stderr
    run_sync(publish(broker.cluster().client(), DEAL))
    return broker


async def consumed(kafka: SecuredKafka, word: str = WORD, **more: Any) -> list[Fact]:
    found: list[Fact] = []
    async with (
        asyncio.timeout(DEADLINE_S),
        ltc_client.kafka(
            f"127.0.0.1:{kafka.ports['SASL_SSL']}",
            types="deal.*",
            security_protocol="SASL_SSL",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_plain_username="erp",
            sasl_plain_password=word,
            ssl_context=create_ssl_context(cafile=str(kafka.certificate.ca)),
            **more,
        ) as facts,
    ):
        async for fact in facts:
            if fact.subject == DEAL[0][0].subject:
                found.append(fact)
            if len(found) == len(DEAL):
                break
    return found


@pytest.mark.parametrize("group", [None, "erp.board"])
async def test_client_principal_consumes_in_its_own_groups(
    kafka: SecuredKafka, group: str | None
) -> None:
    assert [fact.sequence for fact in await consumed(kafka, group=group)] == [1, 2, 3]


async def test_client_principal_is_refused_in_the_group_of_another(kafka: SecuredKafka) -> None:
    with pytest.raises(Refused, match="does not let this principal in"):
        await consumed(kafka, group="console")


async def test_client_principal_with_a_wrong_password_is_refused(kafka: SecuredKafka) -> None:
    with pytest.raises(Refused, match="Kafka"):
        await consumed(kafka, "another word")
