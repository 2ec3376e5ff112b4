"""What surrounds every request: id, log line, security headers, body limit, the catch for bugs."""

import ipaddress
import logging
import re
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BodyTooLarge, problem
from app.logs import request_id_now
from core.clock import Clock
from core.ids import new_id
from core.text import PROBLEM, storable_text

log = logging.getLogger(__name__)

_USABLE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",  # every answer belongs to one person
}
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
            log.info("client_left", extra={"path": scope["path"], "request_id": request_id})
        except Exception:  # the rim of HTTP: nothing of the inside leaves
            log.exception("request_broke", extra={"path": scope["path"], "request_id": request_id})
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
                    "path": scope["path"],
                    "status": status,
                    "took_ms": round((self._clock.monotonic() - started_s) * 1000, 1),
                    "request_id": request_id,
                },
            )
            request_id_now.reset(token)


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


class LocalHosts:
    """Refuses requests that name another host than this machine: an API of one local user.

    A page of `evil.example`, whose name now resolves to 127.0.0.1, is of our own origin to the
    browser (DNS rebinding); the name in `Host` gives it away.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http" or is_local_host(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, send)
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


class BodyLimit:
    """Refuses a body past its limit: by its declared length, else while it is read.

    FastAPI's own `max_body_size` answers in plain text and has one bound for all routes.
    """

    def __init__(self, app: ASGIApp, limit_bytes: int, file_limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes
        self._file_limit_bytes = file_limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit_bytes = self._limit_of(scope["path"])
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit_bytes:
            refusal = BodyTooLarge(limit_bytes)
            response = problem(
                refusal.status_code, refusal.detail, "body_too_large", headers=refusal.headers
            )
            await response(scope, receive, send)
            return
        read_bytes = 0

        async def counted_receive() -> Message:
            nonlocal read_bytes
            message = await receive()
            if message["type"] == "http.request":
                read_bytes += len(message.get("body", b""))
                if read_bytes > limit_bytes:
                    raise BodyTooLarge(limit_bytes)
            return message

        await self._app(scope, counted_receive, send)

    def _limit_of(self, path: str) -> int:
        carries_file = path.startswith("/api/projects/") and "/files" in path
        return self._file_limit_bytes if carries_file else self._limit_bytes
