"""Addresses hold only texts that can be stored."""

from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.errors import problem
from core.text import PROBLEM, storable_text


class StorableTexts:
    """Refuses an address with a text that no database of ours can hold, before anybody reads it.

    Path and query must be UTF-8 without NUL; what is no UTF-8 would silently become another text.
    Bodies are judged by their models, `sub` with its token; a head has no NUL by its grammar.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parts: dict[str, bytes] = {"path": scope["raw_path"], "query": scope["query_string"]}
        place = next((name for name, part in parts.items() if not _can_be_stored(part)), None)
        if place is None:
            await self._app(scope, receive, send)
            return
        response = problem(HTTPStatus.BAD_REQUEST, f"The {place} {PROBLEM}", "invalid_request")
        await response(scope, receive, send)


def _can_be_stored(percent_encoded: bytes) -> bool:
    return storable_text(unquote_to_bytes(percent_encoded)) is not None
