"""The SSRF guard: no webhook reaches an internal network. The canaries listen on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import ip_address, ip_network

import pytest

from hub.webhooks.guard import Guard, Unresolvable, UrlRefused, is_public
from hub.webhooks.retrying import Outcome
from hub.webhooks.sending import Sender
from testkit.webhook_receiver import Receiver, receiving, status

LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.fixture
async def canary() -> AsyncIterator[Receiver]:
    """What must not be hit."""
    async with receiving() as receiver:
        yield receiver


FORBIDDEN = [
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://127.127.127.127:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://localhost.:{port}/",
    "http://LOCALHOST:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.com/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "//127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x",
    "unix:///var/run/docker.sock",
]


@pytest.mark.parametrize("url", FORBIDDEN)
async def test_ssrf_guard_refuses_every_notation_of_loopback(url: str, canary: Receiver) -> None:
    """The URL skips the check at creation, so the attempt itself must refuse."""
    sender = Sender(Guard(https_only=False))
    try:
        result = await sender.send(url.format(port=canary.port), b"{}", {})
    finally:
        await sender.close()
    assert canary.connections == 0
    assert result.outcome is Outcome.REFUSED
    assert result.status is None


async def test_ssrf_guard_allows_a_configured_network(canary: Receiver) -> None:
    """The same request with the setting: the refusals above come from the guard."""
    sender = Sender(Guard(https_only=False, networks=LOOPBACK))
    try:
        for url in (
            canary.url(),
            f"http://127.1:{canary.port}/",
            f"http://localhost:{canary.port}/",
        ):
            assert (await sender.send(url, b"{}", {})).outcome in (
                Outcome.ACCEPTED,
                Outcome.REFUSED,  # localhost may have ::1 as well, which is not allowed here
            )
    finally:
        await sender.close()
    assert canary.connections >= 1


async def test_ssrf_guard_follows_no_redirect(canary: Receiver) -> None:
    async with receiving(status(307, f"Location: {canary.url('/inside')}")) as outside:
        sender = Sender(Guard(https_only=False, networks=LOOPBACK))
        try:
            result = await sender.send(outside.url(), b"{}", {})
        finally:
            await sender.close()
    assert (result.outcome, result.status) == (Outcome.REJECTED, 307)
    assert canary.connections == 0


async def test_ssrf_guard_refuses_dns_rebinding(canary: Receiver) -> None:
    """The first lookup is public, the second one loopback. Every lookup is checked, and the
    connection uses the checked address."""
    answers = iter([["93.184.215.14"], ["127.0.0.1"]])

    async def rebind(host: str, port: int) -> list[str]:
        return next(answers)

    guard = Guard(https_only=False, resolve=rebind)
    await guard.check(f"http://rebind.example:{canary.port}/")
    sender = Sender(guard)
    try:
        result = await sender.send(f"http://rebind.example:{canary.port}/", b"{}", {})
    finally:
        await sender.close()
    assert result.outcome is Outcome.REFUSED
    assert canary.connections == 0


async def test_ssrf_guard_connects_to_the_checked_address_with_the_host_name(
    canary: Receiver,
) -> None:
    """One lookup per connection, and the Host header keeps the name."""
    looks = []

    async def once(host: str, port: int) -> list[str]:
        looks.append(host)
        return ["127.0.0.1"] if len(looks) == 1 else ["10.0.0.1"]

    sender = Sender(Guard(https_only=False, networks=LOOPBACK, resolve=once))
    try:
        result = await sender.send(f"http://shop.example:{canary.port}/hook", b"{}", {})
    finally:
        await sender.close()
    assert result.outcome is Outcome.ACCEPTED
    assert looks == ["shop.example"]
    assert canary.calls[0].headers["host"] == f"shop.example:{canary.port}"


async def test_ssrf_guard_refuses_a_name_with_one_internal_address() -> None:
    async def mixed(host: str, port: int) -> list[str]:
        return ["93.184.215.14", "10.0.0.1"]

    with pytest.raises(UrlRefused, match=r"10\.0\.0\.1"):
        await Guard(resolve=mixed).check("https://mixed.example/")


async def test_ssrf_guard_requires_https_in_production() -> None:
    with pytest.raises(UrlRefused, match="https://"):
        Guard(https_only=True).read("http://example.com/")
    assert Guard(https_only=True).read("https://example.com/a?b=c").host == "example.com"


async def test_ssrf_guard_distinguishes_a_name_without_an_address() -> None:
    async def nothing(host: str, port: int) -> list[str]:
        return []

    with pytest.raises(Unresolvable):
        await Guard(resolve=nothing).check("https://soon.example/")


@pytest.mark.parametrize(
    "address",
    [
        *(
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.9",
        ),
        *("127.0.0.1", "0.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.192"),
        *("198.18.0.1", "192.0.2.1", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1"),
        *("fec0::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:a00:1::1"),
        *("::10.0.0.1", "2001:db8::1", "2001:0:a00:1::", "100::1"),
    ],
)
def test_ssrf_guard_takes_reserved_addresses_for_internal(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "172.32.0.1"]
)
def test_ssrf_guard_takes_global_addresses_for_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "host", ["010.8.8.8", "8.8.8.010", "0x8.8.8.8", "134744072", "8.8.2056", "8.8.8.8.", "08.8.8.8"]
)
def test_guard_refuses_an_address_that_is_not_four_decimal_numbers(host: str) -> None:
    """Public or not: who sends reads it as another address than who looks."""
    with pytest.raises(UrlRefused, match="four decimal numbers"):
        Guard().read(f"https://{host}/hook")


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "[2606:4700::1111]", "1.example.com", "0x.example.com"]
)
def test_guard_reads_addresses_and_names(host: str) -> None:
    assert str(Guard().read(f"https://{host}/hook").host) == host.strip("[]")
