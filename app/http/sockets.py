"""Websockets: who may open one, and who opens it."""

from urllib.parse import urlsplit

from fastapi import WebSocket

BEARER = "bearer."
"""Before a token among the subprotocols: a page can send no headers with a websocket."""


def comes_from_a_page_of_ours(websocket: WebSocket) -> bool:
    """Whether no page opens it, or one of this origin or of the configured ones.

    Browsers let any page open a websocket anywhere, and say which page it was.
    """
    origin = websocket.headers.get("origin")
    if origin is None or origin in websocket.app.state.origins:
        return True
    return is_of_host(origin, websocket.headers.get("host", ""))


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
