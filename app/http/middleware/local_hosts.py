"""An API of one local user is asked by the names of its own machine only."""

import ipaddress
import re
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.errors import problem


class LocalHosts:
    """Refuses requests that name another host than this machine: an API of one local user.

    A page of `evil.example`, whose name now resolves to 127.0.0.1, is of our own origin to the
    browser (DNS rebinding); the name in `Host` gives it away.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        is_asked = scope["type"] in {"http", "websocket"}
        if not is_asked or is_local_host(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":  # a server answers it with 403
            await send({"type": "websocket.close", "code": 1008})
            return
        response = problem(
            HTTPStatus.MISDIRECTED_REQUEST,
            "This API serves its own machine only; use localhost, or configure POLARIS_AUTH_ISSUER",
            "foreign_host",
        )
        await response(scope, receive, send)


def is_local_host(host: str) -> bool:
    """Whether a `Host` header names this machine: an address of it, `localhost` or below that."""
    name = re.sub(r":\d*\Z", "", host.strip().lower()).removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
