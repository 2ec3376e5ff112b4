"""Heads of requests and answers as they pass: nothing of ours goes across, nothing leads home."""

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

Headers = Sequence[tuple[bytes, bytes]]

COOKIE = "polaris_preview"

_OF_A_CONNECTION = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate"),
    *(b"proxy-authorization", b"te", b"trailer", b"upgrade"),
}
_NOT_IN = {*_OF_A_CONNECTION, b"host", b"origin", b"cookie", b"expect", b"forwarded"}
_NOT_OUT = {
    *_OF_A_CONNECTION,
    *(b"strict-transport-security", b"alt-svc", b"public-key-pins"),  # they are of a host
}


def value_of(headers: Headers, name: bytes) -> str | None:
    """The header, if it is there once; of several the first."""
    return next((value.decode("latin-1") for known, value in headers if known == name), None)


def cookies_of(headers: Headers) -> list[tuple[str, str]]:
    """Names and values, in order."""
    found: list[tuple[str, str]] = []
    for known, value in headers:
        if known == b"cookie":
            for part in value.decode("latin-1").split(";"):
                name, _, text = part.strip().partition("=")
                found.append((name, text))
    return found


def wants_upgrade(headers: Headers) -> bool:
    """Whether the request asks for a websocket."""
    return (value_of(headers, b"upgrade") or "").lower() == "websocket"


def to_the_server(headers: Headers, *, port: int) -> list[tuple[bytes, bytes]]:
    """A request's headers as the project's server gets them: as if asked on its own machine."""
    passed = [
        (name, value)
        for name, value in headers
        if name not in _NOT_IN and not name.startswith((b"x-forwarded-", b"x-real-"))
    ]
    own = f"localhost:{port}".encode()
    kept = "; ".join(f"{name}={value}" for name, value in cookies_of(headers) if name != COOKIE)
    if kept:
        passed.append((b"cookie", kept.encode("latin-1")))
    if value_of(headers, b"origin") is not None:
        passed.append((b"origin", b"http://" + own))
    if wants_upgrade(headers):
        passed += [(b"connection", b"Upgrade"), (b"upgrade", b"websocket")]
    else:
        passed.append((b"connection", b"close"))
    return [(b"host", own), *passed]


def to_the_browser(headers: Headers, *, is_upgrade: bool = False) -> list[tuple[bytes, bytes]]:
    """An answer's headers as the browser gets them."""
    passed: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        if name in _NOT_OUT:
            continue
        if name == b"set-cookie":
            cookie = _own_cookie(value.decode("latin-1"))
            if cookie is not None:
                passed.append((name, cookie.encode("latin-1")))
        elif name in {b"location", b"content-location"}:
            passed.append((name, _at_home(value.decode("latin-1")).encode("latin-1")))
        else:
            passed.append((name, value))
    if is_upgrade:
        return [*passed, (b"connection", b"Upgrade"), (b"upgrade", b"websocket")]
    return [*passed, (b"connection", b"close")]


def _own_cookie(cookie: str) -> str | None:
    """For this host alone; None for one that would take the place of ours."""
    first, *attributes = cookie.split(";")
    if first.partition("=")[0].strip().lower() == COOKIE:
        return None
    kept = [it for it in attributes if it.partition("=")[0].strip().lower() != "domain"]
    return ";".join([first, *kept])


def _at_home(location: str) -> str:
    """A redirect to a loopback, where the server believes to be, leads to the preview itself."""
    try:
        parts = urlsplit(location.strip())
    except ValueError:  # a browser finds no host in it, either
        return location
    if parts.hostname is None or not _is_loopback(parts.hostname):
        return location
    path = "/" + parts.path.lstrip("/")  # two would be a host again
    return urlunsplit(("", "", path, parts.query, parts.fragment))


def _is_loopback(host: str) -> bool:
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
