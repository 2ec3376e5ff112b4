"""Which addresses may be asked: those of the public internet, judged where the connection is made.

A name is resolved once, and what was judged is what is connected to: a name that answers
differently the second time gains nothing.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from core.errors import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Allows = Callable[[Address], bool]

MAX_URL_CHARS = 2_000
WEB_PORTS = frozenset({80, 443})
FIRST_HIGH_PORT = 1_024  # those below belong to services that are no web pages
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # an IPv4 address behind NAT64


class NotFetched(Refused):
    """The page cannot be had; the text says why, and what to try."""

    code = "not_fetched"


def is_public(address: Address) -> bool:
    """Whether an address belongs to the internet: no private, local, reserved or tunnelled one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.sixtofour is not None or address.teredo is not None or address in _TRANSLATED:
            return False
    return address.is_global and not address.is_multicast


def checked(text: str, allows: Allows) -> URL:
    """The address of a page. Raises: NotFetched: it is none, or must not be asked."""
    if len(text) > MAX_URL_CHARS:
        raise NotFetched(f"The URL is longer than {MAX_URL_CHARS:,} characters.")
    try:
        url = URL(text.strip())
        host, port = url.host, url.port
    except ValueError:
        raise NotFetched(
            f"{text!r} is not a URL. Give one such as https://example.com/page."
        ) from None
    if url.scheme not in {"http", "https"} or not host:
        raise NotFetched(
            f"{text!r} is not the URL of a web page: it has to begin with https:// or http://."
        )
    if url.user is not None or url.password is not None:
        raise NotFetched("A URL with a user name or password is not fetched.")
    if port not in WEB_PORTS and (port or 0) < FIRST_HIGH_PORT:
        raise NotFetched(f"Port {port} is not one of web pages.")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return url.with_fragment(None)
    if not allows(literal):
        raise not_public(host)
    return url.with_fragment(None)


def not_public(host: str) -> NotFetched:
    """The refusal of an address inside a network."""
    return NotFetched(
        f"{host} is not on the public internet, so it is not fetched. A server that runs in the "
        "project is reached with a command such as curl."
    )


class PublicResolver(AbstractResolver):
    """Resolves a name to its public addresses; refuses one that has any other."""

    def __init__(self, allows: Allows) -> None:
        self._allows = allows

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses to connect to. Raises: NotFetched, OSError."""
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, family=family
        )
        results: list[ResolveResult] = []
        for kind, _, protocol, _, where in found:
            name = str(where[0]).partition("%")[0]
            if not self._allows(ipaddress.ip_address(name)):
                raise not_public(host)
            results.append(
                ResolveResult(
                    hostname=host,
                    host=name,
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST,
                )
            )
        return results

    async def close(self) -> None:
        """Nothing is held."""
