"""Websockets: who may open one, who opens it, and how it is closed."""

import asyncio
import logging
from urllib.parse import urlsplit

from fastapi import WebSocket, WebSocketDisconnect
from starlette.requests import HTTPConnection

from app.http.context import Services
from app.http.rates.limits import RateClass
from app.identity.tokens import Caller
from core.text import is_storable

log = logging.getLogger(__name__)

NORMAL, GOING_AWAY, POLICY, TOO_BIG = 1000, 1001, 1008, 1009
UNAVAILABLE = 4503  # as the HTTP statuses of others, 4,000 up

ID_CHARS = 200
CLOSE_S = 5.0
REASON_BYTES = 120  # a close frame holds 123

BEARER = "bearer."
"""Before a token among the subprotocols: a page can send no headers with a websocket."""


def comes_from_a_page_of_ours(connection: HTTPConnection) -> bool:
    """Whether no page asks, or one of this origin or of the configured ones.

    Browsers let any page open a websocket anywhere, and say which page it was.
    """
    origin = connection.headers.get("origin")
    return origin is None or is_of_ours(origin, connection)


def is_of_ours(origin: str, connection: HTTPConnection) -> bool:
    """Whether an `Origin` is this one, or a configured one."""
    if origin in connection.app.state.origins:
        return True
    return is_of_host(origin, connection.headers.get("host", ""))


def is_of_host(origin: str, host: str) -> bool:
    """Whether an `Origin` header names the same place as a `Host` header."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower() != ""
    except ValueError:  # it names none
        return False


def bearer_of(websocket: WebSocket) -> str | None:
    """The token, as an `Authorization` header says it: from there, or of the subprotocols."""
    header = websocket.headers.get("authorization")
    if header is not None:
        return header
    offered: list[str] = websocket.scope["subprotocols"]
    token = next((it for it in offered if it.lower().startswith(BEARER)), None)
    return None if token is None else f"Bearer {token[len(BEARER) :]}"


def chosen_protocol(websocket: WebSocket, name: str) -> str | None:
    """That protocol, if the client offers it: one that offers some closes when none is chosen."""
    offered: list[str] = websocket.scope["subprotocols"]
    return name if name in offered else None


async def caller_of(websocket: WebSocket) -> Caller:
    """Who opens it, by the token. Raises: Unauthorized, RateLimited."""
    services: Services = websocket.app.state.services
    caller = await services.authenticator.caller(bearer_of(websocket))
    await services.rates.check(caller.owner, RateClass.STREAMS)
    return caller


def can_be_a_name(text: str) -> bool:
    """Whether a part of the path can name anything."""
    return is_storable(text) and len(text) <= ID_CHARS


async def close(websocket: WebSocket, code: int, words: str) -> None:
    """Close it, unless the client has left or takes nothing."""
    reason = words.encode()[:REASON_BYTES].decode(errors="ignore")
    try:
        async with asyncio.timeout(CLOSE_S):
            await websocket.close(code, reason)
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        log.debug("websocket_client_left")
