"""Topics and the groups that hear them, as Kafka tells."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from chassis.http import refuse_nul
from console.doors import operator
from console.kafka_look import KafkaLook, Topic
from console.shared_look import SharedLook, look_of

router = APIRouter(tags=["installation"], dependencies=[Depends(refuse_nul)])
LOOK_EVERY_S = 2.0


@router.get("/topics", operation_id="listTopics")
async def list_topics(_: operator, request: Request) -> list[Topic]:
    """How much is said in each topic, and how far behind each group is."""

    def make() -> SharedLook[list[Topic]]:
        kafka = KafkaLook(request.app.state.settings.cluster())
        return SharedLook(kafka.look, every_s=LOOK_EVERY_S)

    return await look_of(request, "topics", make).found()
