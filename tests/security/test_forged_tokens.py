"""Forged, foreign and expired tokens are refused by every service at its own routes."""

from __future__ import annotations

import pytest
from forgeries import Forger

from testkit.harness import KEY, Harness
from tests.security.apps import NAMES, operations, rules


@pytest.mark.parametrize("name", NAMES)
async def test_security_every_forged_token_is_answered_401_at_every_route(
    services: dict[str, Harness], name: str
) -> None:
    under_test = services[name]
    found = operations(under_test)
    guarded = [found[rule.operation] for rule in rules(name).values() if rule.roles]
    issuer = under_test.settings.oidc_issuer
    kinds = Forger(KEY, issuer, "admin").all()
    let_in: list[str] = []
    async with under_test.client() as client:

        async def status(method: str, url: str, values: list[bytes]) -> int:
            headers = [(b"Authorization", value) for value in values]
            answer = await client.request(method, url, headers=headers, json={})  # type: ignore[arg-type]
            return answer.status_code

        good = b"Bearer " + Forger(KEY, issuer, "admin").good().encode()
        for operation in guarded:
            url = operation.at({})
            assert await status(operation.method, url, [good]) not in (401, 403)
            for kind, values in kinds.items():
                given = await status(operation.method, url, values)
                if given != 401:
                    let_in.append(f"{operation.id} with {kind}: {given}")

    assert len(kinds) == 50
    assert not let_in, "; ".join(let_in)
