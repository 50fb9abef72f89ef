"""``python -m chassis.grants [--users FILE]``: who may do what at Kafka, a deploy step of its own.

Grants every principal of `contracts.access` what it states there, and takes back what is not. FILE
is a JSON object of names and passwords: they get SCRAM credentials. A null instead of a password
leaves a credential alone that is made elsewhere. A name that is no principal of the platform is an
outsider, who may read the public topics with everything in them, so in the place of the password
stands ``{"password": …, "personal": true}``. Without FILE outsiders stay as they are. Needs the
``LTC_KAFKA_`` settings of somebody who may alter the cluster. Running it again changes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from chassis.cluster import MECHANISM, Cluster
from chassis.exits import BadSetting, GaveUp, MustStop, NotPermitted, leave
from chassis.settings import read_cluster
from contracts.access import Access, outsider, principals
from contracts.catalog import PUBLIC_TOPICS, STATE_TOPICS

ITERATIONS = 8192
WITHIN_S = 15.0
OUR_TOPICS = frozenset((*PUBLIC_TOPICS, *STATE_TOPICS))
REFUSALS = {"CLUSTER_AUTHORIZATION_FAILED", "_AUTHENTICATION"}

Users = Mapping[str, str | None]
Say = Callable[[str], None]


def stated(users: Users) -> set[AclBinding]:
    """Every grant there should be: of the platform's principals, and of the outsiders named."""
    ours = principals()
    accesses = {**ours, **{name: outsider(name) for name in users.keys() - ours.keys()}}
    return {grant for name, access in accesses.items() for grant in _grants(name, access)}


def _grants(name: str, access: Access) -> Iterator[AclBinding]:
    def may(
        operation: AclOperation,
        kind: ResourceType,
        what: str,
        pattern: ResourcePatternType = ResourcePatternType.LITERAL,
    ) -> AclBinding:
        who = f"User:{name}"
        return AclBinding(kind, what, pattern, who, "*", operation, AclPermissionType.ALLOW)

    for topic in access.writes:
        yield may(AclOperation.WRITE, ResourceType.TOPIC, topic)
    for topic in access.reads:
        yield may(AclOperation.READ, ResourceType.TOPIC, topic)
    for topic in access.watches:
        yield may(AclOperation.DESCRIBE, ResourceType.TOPIC, topic)
    for group in access.groups:
        yield may(AclOperation.READ, ResourceType.GROUP, group)
    if access.group_prefix:
        prefixed = ResourcePatternType.PREFIXED
        yield may(AclOperation.READ, ResourceType.GROUP, access.group_prefix, prefixed)
    if access.watches_groups:
        yield may(AclOperation.DESCRIBE, ResourceType.GROUP, "*")


def obsolete(found: set[AclBinding], users: Users | None) -> set[AclBinding]:
    """What is granted and not stated: to principals that are, or on our topics to anybody else.
    Denials, and what others do on the same cluster, are left alone."""
    wanted = stated(users or {})
    known = {grant.principal for grant in wanted}
    allowed = {g for g in found - wanted if g.permission_type is AclPermissionType.ALLOW}
    gone = {grant for grant in allowed if grant.principal in known}
    if users is not None:
        strangers = {g for g in allowed - gone if g.name in OUR_TOPICS}
        groups = {f"{g.principal.removeprefix('User:')}." for g in strangers}
        gone |= strangers | {g for g in allowed if g.name in groups}
    return gone


def apply(cluster: Cluster, users: Users | None, say: Say) -> int:
    """Bring a cluster to what is stated; returns how many things were changed. Raises MustStop."""
    asyncio.run(cluster.be_let_in())
    admin = AdminClient(_librdkafka(cluster))
    try:
        # Who exists first, or a new principal would be refused in the meantime.
        renewed = _renew_credentials(admin, cluster, users or {})
        found = set(admin.describe_acls(_everything()).result(WITHIN_S))
        gone, new = obsolete(found, users), stated(users or {}) - found
        for made in (admin.create_acls(list(new)) if new else {}).values():
            made.result(WITHIN_S)
        for dropped in (admin.delete_acls([_exactly(g) for g in gone]) if gone else {}).values():
            dropped.result(WITHIN_S)
    except KafkaException as error:
        raise _refusal(cluster, error) from error
    except TimeoutError as error:
        raise GaveUp(f"Kafka at {cluster} has not answered in {WITHIN_S:.0f} s") from error
    lines = [f"credential of {name}" for name in renewed]
    lines += sorted(f"+ {_words(grant)}" for grant in new)
    lines += sorted(f"- {_words(grant)}" for grant in gone)
    for line in lines or ["nothing to change"]:
        say(line)
    return len(lines)


def _renew_credentials(admin: AdminClient, cluster: Cluster, users: Users) -> list[str]:
    """Make the credentials that do not let their users in yet; a password cannot be compared."""
    wrong = [
        (name, password)
        for name, password in sorted(users.items())
        if password is not None and not asyncio.run(_lets_in(cluster, name, password))
    ]
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    asked = [UserScramCredentialUpsertion(n, info, p.encode()) for n, p in wrong]
    for made in (admin.alter_user_scram_credentials(asked) if asked else {}).values():
        made.result(WITHIN_S)
    return [name for name, _ in wrong]


async def _lets_in(cluster: Cluster, name: str, password: str) -> bool:
    if not cluster.authenticates:
        return False
    try:
        await replace(cluster, username=name, password=password).be_let_in()
    except NotPermitted:
        return False
    return True


def _librdkafka(cluster: Cluster) -> dict[str, Any]:
    given: dict[str, Any] = {
        "bootstrap.servers": cluster.bootstrap,
        "security.protocol": cluster.protocol,
        "socket.timeout.ms": int(WITHIN_S * 1000),
        "logger": logging.getLogger("librdkafka"),
    }
    if cluster.authenticates:
        given |= {
            "sasl.mechanism": MECHANISM,
            "sasl.username": cluster.username,
            "sasl.password": cluster.password,
        }
    if cluster.ca_file:
        given["ssl.ca.location"] = str(cluster.ca_file)
    return given


def _everything() -> AclBindingFilter:
    return AclBindingFilter(
        ResourceType.ANY,
        None,
        ResourcePatternType.ANY,
        None,
        None,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )


def _exactly(grant: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        grant.restype,
        grant.name,
        grant.resource_pattern_type,
        grant.principal,
        grant.host,
        grant.operation,
        grant.permission_type,
    )


def _words(grant: AclBinding) -> str:
    more = "*" if grant.resource_pattern_type is ResourcePatternType.PREFIXED else ""
    who = grant.principal.removeprefix("User:")
    return f"{who} {grant.operation.name} {grant.restype.name.lower()} {grant.name}{more}"


def _refusal(cluster: Cluster, error: KafkaException) -> MustStop:
    said = error.args[0]
    if said.name() in REFUSALS:
        return NotPermitted(
            f"Kafka at {cluster} does not let {cluster.username or 'us'} grant anything: run this"
            " as one of its super users"
        )
    if said.name() == "SECURITY_DISABLED":
        return BadSetting(
            f"Kafka at {cluster} asks nobody for rights: set its authorizer.class.name first"
        )
    return GaveUp(f"nothing more was granted at {cluster}: {said.str()}")


def read_users(file: Path) -> dict[str, str | None]:
    """Names and passwords. Raises BadSetting."""
    try:
        users = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadSetting(f"--users {file} cannot be read: {error}") from error
    if not isinstance(users, dict):
        raise BadSetting(f"--users {file} must be a JSON object of names and passwords")
    return {name: _password(file, name, given) for name, given in users.items()}


def _password(file: Path, name: str, given: Any) -> str | None:
    """Of one user. Raises BadSetting, also for an outsider without a grant for personal data:
    Kafka cannot leave fields out."""
    outside = isinstance(given, dict) and given.keys() == {"password", "personal"}
    password = given["password"] if outside else given
    if password is not None and not (password and isinstance(password, str)):
        raise BadSetting(f"--users {file} must be a JSON object of names and passwords")
    if name not in principals() and not (outside and given["personal"] is True):
        raise BadSetting(
            f"{name} has no grant for personal data, and Kafka cannot leave fields out: have them"
            " read the hub's /events, or write"
            ' {"password": …, "personal": true} in the place of the password'
        )
    return password


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=Path, help="JSON: {name: password}")
    arguments = parser.parse_args()
    logging.getLogger("librdkafka").setLevel(logging.CRITICAL)
    try:
        users = read_users(arguments.users) if arguments.users else None
        apply(read_cluster(), users, print)
    except MustStop as error:
        leave(error)


if __name__ == "__main__":
    main()
