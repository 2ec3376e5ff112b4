"""Websockets: who may open one, who opens it, and how it is closed."""

import asyncio
import logging

from fastapi import WebSocket, WebSocketDisconnect

from app.http.callers import caller_of_connection
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
    """Who opens it, by the token. Raises: ForeignPage, Unauthorized, RateLimited."""
    services: Services = websocket.app.state.services
    caller = await caller_of_connection(websocket, bearer_of(websocket))
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
