"""Policies: what decides by itself which gates open. Versioned data, changed through the API."""

import logging
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, TypeVar
from weakref import WeakKeyDictionary

import orjson
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic import Field as Bound
from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.audit import audit
from chassis.auth import Actor, roles
from chassis.domain import NotFound
from chassis.http import ApiModel, Revision, TransactionalRoute, Tx, etag, refuse_other
from chassis.logging import describe
from chassis.problems import Problem, field_errors
from chassis.tables import APPEND_ONLY, ChassisRow
from chassis.transaction import Transaction

logger = logging.getLogger(__name__)

CACHE_S = 2.0
MOST_VERSIONS = 20
VERSIONS = """
SELECT version, body::text FROM policy WHERE name = $1 ORDER BY version DESC LIMIT $2
"""


class Policy(BaseModel):
    """Base of a service's policies. The defaults are version 0."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=Policy)


class Ruling(BaseModel, Generic[P]):
    """A policy as it is now; ``cite`` is how a fact names it: ``approval@3``."""

    name: str
    version: int
    rules: P
    unusable: tuple[int, ...] = ()
    """Newer versions that are not applied, because this service cannot use them."""

    @property
    def latest(self) -> int:
        """The last version that was made: the policy's ETag."""
        return max((self.version, *self.unusable))

    @property
    def cite(self) -> str:
        return f"policy:{self.name}@{self.version}"


class PolicyRow(ChassisRow, table=True):
    """One version of one policy."""

    __tablename__ = "policy"
    __table_args__ = (APPEND_ONLY,)

    name: str = Field(sa_type=Text, primary_key=True)
    version: int = Field(primary_key=True)
    body: dict[str, Any] = Field(sa_type=JSONB)
    changed_by: str = Field(sa_type=Text)
    changed_at: datetime
    reason: str = Field(sa_type=Text)


class Policies:
    """The policies of one service, read through a cache of two seconds for each database."""

    _cache: ClassVar[WeakKeyDictionary[object, dict[str, tuple[float, Ruling[Any]]]]] = (
        WeakKeyDictionary()
    )

    def __init__(self, **models: type[Policy]) -> None:
        self.models = models

    async def get(self, tx: Transaction, name: str, model: type[P]) -> Ruling[P]:
        """The ruling in force. On the hot path this is memory; a query every two seconds."""
        known = self._cache.setdefault(tx.database or self, {})
        cached = known.get(name)
        if cached and cached[0] > time.monotonic():
            ruling: Ruling[P] = cached[1]
            return ruling
        fresh = _in_force(name, model, await tx.read(VERSIONS, name, MOST_VERSIONS))
        known[name] = (time.monotonic() + CACHE_S, fresh)
        return fresh

    @classmethod
    def forget(cls) -> None:
        """Read every policy again when it is next asked for."""
        cls._cache.clear()


def _in_force(name: str, model: type[Policy], rows: Iterable[Any]) -> Ruling[Any]:
    """The newest version that this service can use; the defaults where it can use none."""
    unusable: list[int] = []
    for version, body in rows:
        try:
            rules = model.model_validate_json(body)
        except ValidationError as error:
            unusable.append(version)
            logger.error("policy %s@%d is not applied: %s", name, version, describe(error))  # noqa: TRY400 - the fault is in the data
        else:
            return Ruling[Any](name=name, version=version, rules=rules, unusable=tuple(unusable))
    return Ruling[Any](name=name, version=0, rules=model(), unusable=tuple(unusable))


class PolicyChange(ApiModel):
    """The whole policy anew, and why."""

    rules: dict[str, Any]
    reason: str = Bound(min_length=1, max_length=500)


class PolicyVersion(BaseModel):
    """One version of a policy: who made it, when and why."""

    version: int
    rules: dict[str, Any]
    changed_by: str
    changed_at: datetime
    reason: str


def policy_router(
    policies: Policies, *, readers: tuple[str, ...], changers: tuple[str, ...]
) -> APIRouter:
    """``/policies``: read them, change them; a change is a new version, audited."""
    router = APIRouter(prefix="/policies", tags=["policies"], route_class=TransactionalRoute)
    reader = Annotated[Actor, Depends(roles(*readers, *changers, "auditor"))]
    changer = Annotated[Actor, Depends(roles(*changers))]

    def model_of(name: str) -> type[Policy]:
        model = policies.models.get(name)
        if model is None:
            raise NotFound(f"no policy {name}; there are {', '.join(policies.models)}")
        return model

    @router.get("", operation_id="listPolicies")
    async def list_policies(_: reader, tx: Tx) -> list[dict[str, Any]]:
        """Every policy as it is now."""
        policies.forget()
        return [
            (await policies.get(tx, name, model)).model_dump(mode="json")
            for name, model in policies.models.items()
        ]

    @router.get("/{name}", operation_id="showPolicy")
    async def show(_: reader, tx: Tx, name: str, response: Response) -> dict[str, Any]:
        """One policy, with its version as ETag."""
        policies.forget()
        ruling = await policies.get(tx, name, model_of(name))
        response.headers["ETag"] = etag(ruling.latest)
        return ruling.model_dump(mode="json")

    @router.get("/{name}/versions", operation_id="listPolicyVersions")
    async def versions(_: reader, tx: Tx, name: str) -> list[PolicyVersion]:
        """Every version that was made, the newest first. The defaults before them are version 0."""
        model_of(name)
        rows = await tx.read(
            "SELECT version, body::text, changed_by, changed_at, reason FROM policy"
            " WHERE name = $1 ORDER BY version DESC LIMIT 200",
            name,
        )
        return [
            PolicyVersion(
                version=version, rules=orjson.loads(body), changed_by=by, changed_at=at, reason=why
            )
            for version, body, by, at, why in rows
        ]

    @router.put("/{name}", operation_id="changePolicy")
    async def change(
        actor: changer,
        tx: Tx,
        name: str,
        body: PolicyChange,
        seen: Revision,
        response: Response,
    ) -> dict[str, Any]:
        """Replace a policy by a new version."""
        model = model_of(name)
        try:
            rules = model.model_validate(body.rules)
        except ValidationError as error:
            raise Problem(
                422,
                "the rules do not fit this policy",
                type="invalid",
                errors=field_errors(
                    [{**e, "loc": ("body", "rules", *e["loc"])} for e in error.errors()]
                ),
            ) from error
        policies.forget()
        before = await policies.get(tx, name, model)
        refuse_other(seen, before.latest, "policy")
        following = before.latest + 1
        tx.insert(
            PolicyRow,
            name=name,
            version=following,
            body=rules.model_dump_json(),
            changed_by=actor.sub,
            changed_at=tx.now,
            reason=body.reason,
        )
        audit(
            tx,
            actor,
            "change",
            "policy",
            name,
            reason=body.reason,
            before=before.rules.model_dump(mode="json"),
            after=rules.model_dump(mode="json"),
        )
        tx.after_commit.append(policies.forget)
        response.headers["ETag"] = etag(following)
        return Ruling[Any](name=name, version=following, rules=rules).model_dump(mode="json")

    return router
