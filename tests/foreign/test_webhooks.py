"""Node's `standardwebhooks` accepts valid signatures of the standard, and nothing else.

The test signs by the text of the standard, so that the documented receiver program is checked
against the standard. The tests of the hub check that the hub signs in the same way.
"""

from __future__ import annotations

import json
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from hmac import digest

import httpx
import pytest

from contracts.schema import GOLDEN, PACKAGE
from local_infra.ports import free_port, is_free
from testkit.deadline import DEADLINE_S
from testkit.polling import eventually
from tests.foreign.toolchain import HERE, node

KEY = bytes(range(32))
SECRET = f"whsec_{b64encode(KEY).decode()}"
ID = "01a21dde-80bc-7286-a8c8-9f9b65416a3d"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The receiver, listening."""
    port = free_port()
    command = [*node(), str(HERE / "node" / "receive.mjs"), str(port), SECRET]
    receiver = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: not is_free(port), what="the receiver listens")
        yield f"http://127.0.0.1:{port}/hooks"
    finally:
        receiver.kill()
        receiver.wait(DEADLINE_S)


def delivery(
    *, said: bytes | None = None, age_s: int = 0, key: bytes = KEY
) -> tuple[dict[str, str], bytes]:
    """Headers and body of an event; ``said`` replaces the body after it was signed."""
    golden = json.loads((PACKAGE / GOLDEN / "ltc.deal.won.v1.json").read_text(encoding="utf-8"))
    body = json.dumps({"id": ID, "type": "ltc.deal.won.v1", "data": golden["value"]}).encode()
    at = str(int(time.time()) - age_s)
    signature = b64encode(digest(key, f"{ID}.{at}.".encode() + body, sha256)).decode()
    headers = {"webhook-id": ID, "webhook-timestamp": at, "webhook-signature": f"v1,{signature}"}
    return headers, said or body


def answered(address: str, headers: dict[str, str], body: bytes) -> int:
    return httpx.post(address, headers=headers, content=body, timeout=DEADLINE_S).status_code


def test_foreign_webhook_library_accepts_signatures_also_during_rotation(address: str) -> None:
    headers, body = delivery()
    other, _ = delivery(key=b"another")
    both = f"{other['webhook-signature']} {headers['webhook-signature']}"

    assert answered(address, headers, body) == 204
    assert answered(address, headers | {"webhook-signature": both}, body) == 204


@pytest.mark.parametrize(
    "forged",
    [
        lambda: delivery(said=b'{"id": "1", "type": "ltc.deal.won.v1", "data": {}}'),
        lambda: delivery(age_s=301),
        lambda: delivery(age_s=-400),
        lambda: delivery(key=b"another"),
        lambda: ({}, b"{}"),
    ],
    ids=["another body", "too old", "of the future", "another secret", "no signature"],
)
def test_foreign_webhook_library_refuses_anything_else(
    address: str, forged: Callable[[], tuple[dict[str, str], bytes]]
) -> None:
    """Signed at sending, because tests are collected long before they run."""
    assert answered(address, *forged()) == 401
