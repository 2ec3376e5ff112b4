"""What surrounds every request: id, log line, security headers, the catch for bugs."""

import logging
import re
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.errors import problem
from app.observe.logs import request_id_now
from core.clock import Clock
from core.ids import new_id

log = logging.getLogger(__name__)

_USABLE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",  # every answer belongs to one person
}
_EVENT_KEY = "/e/"  # what follows is the key of an Inngest client
_API_POLICY = "default-src 'none'; frame-ancestors 'none'"


class RequestFrame:
    """Gives each request an id, security headers and one log line; turns a bug into a plain 500.

    An `X-Request-Id` of the caller is kept when it is 8 to 64 harmless characters, so that a
    proxy's id goes through.
    """

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _USABLE_REQUEST_ID.match(given) else new_id("req")
        token = request_id_now.set(request_id)
        started_s = self._clock.monotonic()
        status = 0

        async def framed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", _API_POLICY)
            await send(message)

        try:
            await self._app(scope, receive, framed_send)
        except ClientDisconnect:
            log.info("client_left", extra={"path": _shown(scope), "request_id": request_id})
        except Exception:  # the rim of HTTP: nothing of the inside leaves
            log.exception("request_broke", extra={"path": _shown(scope), "request_id": request_id})
            if status == 0:
                response = problem(
                    HTTPStatus.INTERNAL_SERVER_ERROR,
                    "Internal error",
                    "internal",
                    extra={"requestId": request_id},
                )
                await response(scope, receive, framed_send)
        finally:
            log.info(
                "request",
                extra={
                    "method": scope["method"],
                    "path": _shown(scope),
                    "status": status,
                    "took_ms": round((self._clock.monotonic() - started_s) * 1000, 1),
                    "request_id": request_id,
                },
            )
            request_id_now.reset(token)


def _shown(scope: Scope) -> str:
    """The path, without a secret that is part of it."""
    path: str = scope["path"]
    return f"{_EVENT_KEY}…" if path.startswith(_EVENT_KEY) else path
