"""Where we send: never into our own network, whatever a URL or a name server says.

A name is resolved here and the connection goes to the address that was looked at, so a name that
changes its mind between the look and the call (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from chassis.domain import DomainError
from chassis.settings import Network

LONGEST_URL = 2048
KEPT_OPEN_S = 30.0
"""How long a connection waits for the next delivery."""
_UNUSUAL = re.compile(r"[\x00-\x20\x7f\\]")
_NUMBERS = re.compile(r"(?:^|\.)(?:0x[0-9a-f]*|[0-9]+)\.?$", re.IGNORECASE)
"""The end of an IPv4 address, however its numbers are written. No domain ends so."""
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_COMPATIBLE = IPv6Network("::/96")
_NEVER = (ip_network("192.0.0.0/24"),)
"""Not public whatever the version of Python thinks: protocols, and one cloud's metadata."""

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]


class UrlRefused(DomainError):
    """We do not send there."""

    status = 422


class Unresolvable(UrlRefused):
    """The name has no address now; it may have one later."""


async def look_up(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system's resolver knows them."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise Unresolvable(f"{host} has no address") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def plain(address: Address) -> Address:
    """An IPv4 address that is written as an IPv6 one, as what it is."""
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address


def hidden(address: Address) -> Iterable[Address]:
    """The IPv4 addresses that a gateway would take out of an IPv6 one."""
    if not isinstance(address, IPv6Address):
        return
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _COMPATIBLE or any(address in network for network in _NAT64):
        yield IPv4Address(int(address) & 0xFFFF_FFFF)


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet, whichever way it is written."""
    inner = plain(address)
    return (
        inner.is_global
        and not inner.is_multicast
        and not inner.is_reserved
        and not any(inner in network for network in _NEVER)
        and not getattr(inner, "is_site_local", False)
        and all(is_public(one) for one in hidden(inner))
    )


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Guard:
    """The rule of one process."""

    https_only: bool = True
    networks: tuple[Network, ...] = ()
    """Networks that may be reached although they are not public."""
    resolve: Resolve = look_up

    def read(self, url: str) -> URL:
        """The URL, as far as its text can tell. Raises UrlRefused."""
        if len(url) > LONGEST_URL or _UNUSUAL.search(url):
            raise UrlRefused(f"a URL has at most {LONGEST_URL} characters, none of them a blank")
        try:
            parsed = URL(url)
        except ValueError as error:
            raise UrlRefused("this is no URL") from error
        allowed = ("https",) if self.https_only else ("https", "http")
        if parsed.scheme not in allowed:
            raise UrlRefused(f"a URL begins with {' or '.join(f'{s}://' for s in allowed)}")
        if not parsed.host or parsed.fragment or "@" in parsed.raw_authority:
            raise UrlRefused("a URL names a host, and neither a user nor a fragment")
        if _NUMBERS.search(parsed.host) and not _is_address(parsed.host):
            raise UrlRefused(
                "an address is written as four decimal numbers without leading zeros: 203.0.113.7"
            )
        return parsed

    async def check(self, url: str) -> URL:
        """The URL, when its host is one we send to now. Raises UrlRefused."""
        parsed = self.read(url)
        await self.pin(str(parsed.host), parsed.port or 0)
        return parsed

    async def pin(self, host: str, port: int) -> str:
        """The one address to connect to. Raises UrlRefused, also when only one of several addresses
        is not ours to call: who answers so is not to be trusted with the others."""
        found = await self.resolve(host, port)
        for text in found:
            self.refuse(text)
        if not found:
            raise Unresolvable(f"{host} has no address")
        return found[0]

    def refuse(self, text: str) -> None:
        """Raises UrlRefused for an address that is not ours to call."""
        try:
            address = ip_address(text)
        except ValueError as error:
            raise UrlRefused(f"{text} is no address") from error
        inner = plain(address)
        if not (is_public(address) or any(inner in network for network in self.networks)):
            raise UrlRefused(f"{text} is in a network that we do not send to")


class PinningResolver(AbstractResolver):
    """Answers with the one address that the guard has looked at. TLS and ``Host`` go on speaking of
    the name, so certificates are checked as ever."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        address = await self._guard.pin(host, port)
        version = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=version,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Nothing is open."""


def guarded_connector(guard: Guard, tls: ssl.SSLContext) -> aiohttp.TCPConnector:
    """Connections only where the guard allows: names by the resolver; and since a host that is
    written as an address is never resolved, each address again as a socket is made for it."""

    def open_socket(found: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, place = found
        guard.refuse(str(place[0]))
        return socket.socket(family, kind, protocol)

    # Unbounded: each endpoint's share is bounded, so none can use up another's.
    return aiohttp.TCPConnector(
        limit=0,
        ssl=tls,
        resolver=PinningResolver(guard),
        use_dns_cache=False,
        keepalive_timeout=KEPT_OPEN_S,
        socket_factory=open_socket,
    )
