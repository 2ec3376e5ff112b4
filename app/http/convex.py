"""Convex under this origin: `/convex/…` is what its clients ask and Convex answers.

One address is enough for a page, and it stays the same when Convex moves. Requests pass without a
look at their bodies; Convex judges the token in them. What is of this origin alone, cookies above
all, does not pass.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from http import HTTPStatus
from urllib.parse import unquote

from fastapi import APIRouter, Request, WebSocket, WebSocketDisconnect
from starlette.requests import HTTPConnection
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.http.context import Services
from app.http.errors import problem
from app.http.origins import comes_from_a_page_of_ours
from app.http.sockets import GOING_AWAY, TOO_BIG, close
from core.background import until_one_ends
from core.errors import Refused
from store.errors import StoreUnavailable
from store.passage import Closed, Headers, PassedSocket, SocketRefused

log = logging.getLogger(__name__)

router = APIRouter()

PREFIX = "/convex"
MOST_SOCKETS = 2_000
SEND_S = 60.0  # for one message, to a page that reads slowly
SMALL_BYTES = 256 * 1024
RESTARTS = 1012  # a client comes back by itself
_SAYABLE = frozenset({1000, 1001, 1002, 1003, *range(1007, 1014), *range(3000, 5000)})

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_WORDS = {401: "unauthorized", 403: "forbidden", 429: "rate_limited"}
_OF_A_CONNECTION = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "proxy-authenticate"),
        *("proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
_NOT_THERE = _OF_A_CONNECTION | {"host", "origin", "referer", "cookie", "expect", "forwarded"}
_NOT_BACK = _OF_A_CONNECTION | {
    *("set-cookie", "strict-transport-security", "alt-svc", "server", "date"),
    *("clear-site-data", "x-request-id", "content-security-policy"),
}
_POLICY = b"default-src 'none'; frame-ancestors 'none'; sandbox"
"""A file that somebody has stored must not run as a page of this origin."""


class NoWayThrough(Refused):
    """The path leads out of what clients of Convex ask for."""

    code = "invalid_request"
    field = "path"

    def __init__(self) -> None:
        super().__init__(
            "Below /convex there are /api/… and /http/… of Convex, without . and .. in the path"
        )


def target_of(connection: HTTPConnection) -> str:
    """Path and query as Convex is to get them, unchanged. Raises: NoWayThrough."""
    raw: str = connection.scope["raw_path"].decode("latin-1")
    _, _, path = raw.partition(PREFIX)
    if not is_inside(path):
        raise NoWayThrough
    query: bytes = connection.scope["query_string"]
    return f"{path}?{query.decode('latin-1')}" if query else path


def is_inside(path: str) -> bool:
    """Whether a path, as it came and however it is read, is of what clients of Convex ask for."""
    read = path
    for _ in range(4):
        if "\\" in read or any(part in {".", ".."} for part in read.split("/")):
            return False
        if not read.startswith(("/api/", "/http/")) and read not in {"/version", "/instance_name"}:
            return False
        if unquote(read) == read:
            return True
        read = unquote(read)
    return False


def passed_there(headers: Headers) -> Headers:
    """A request's headers without those of the connection, and of this origin."""
    named = _named_by_connection(headers)
    return [
        (name, value)
        for name, value in headers
        if name not in _NOT_THERE
        and name not in named
        and not name.startswith(("sec-websocket-", "sec-fetch-", "x-forwarded-", "x-real-"))
    ]


def _asked_by(connection: HTTPConnection) -> Headers:
    """The headers of a request to Convex, which counts people without a token by their address."""
    headers = passed_there(_headers(connection))
    client = connection.client
    return headers if client is None else [*headers, ("x-forwarded-for", client.host)]


def passed_back(headers: Headers) -> Headers:
    """An answer's headers, for this origin: who may read it across origins is said by us."""
    lower = [(name.lower(), value) for name, value in headers]
    named = _named_by_connection(lower)
    return [
        (name, value)
        for name, value in lower
        if name not in _NOT_BACK and name not in named and not name.startswith("access-control-")
    ]


def _named_by_connection(headers: Headers) -> set[str]:
    values = [value for name, value in headers if name == "connection"]
    return {word.strip().lower() for value in values for word in value.split(",")}


def _headers(connection: HTTPConnection) -> Headers:
    raw: list[tuple[bytes, bytes]] = connection.scope["headers"]
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw]


class _Passing:
    """The ASGI application of a request: its answer begins when Convex's has begun."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if not comes_from_a_page_of_ours(request):
            text = "Pages of this origin may not use this API; POLARIS_CORS_ORIGINS names those"
            await problem(HTTPStatus.FORBIDDEN, text, "foreign_origin")(scope, receive, send)
            return
        services: Services = request.app.state.services
        target = target_of(request)
        async with services.store.passage.request(
            request.method,
            target,
            headers=_asked_by(request),
            body=await _body_of(request),
        ) as answer:
            head = [
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in passed_back(answer.headers)
            ]
            head.append((b"content-security-policy", _POLICY))
            await send({"type": "http.response.start", "status": answer.status, "headers": head})
            async for chunk in answer.chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


async def _body_of(request: Request) -> bytes | AsyncIterator[bytes]:
    """A small body whole, which is quicker; a large one as it comes."""
    declared = request.headers.get("content-length")
    if declared is None and "transfer-encoding" not in request.headers:
        return b""
    if declared is not None and declared.isdecimal() and int(declared) <= SMALL_BYTES:
        return await request.body()
    return request.stream()


_PASSING = Route(f"{PREFIX}/{{path:path}}", _Passing(), methods=_METHODS, include_in_schema=False)
router.routes.append(_PASSING)


@router.websocket(f"{PREFIX}/{{path:path}}")
async def pass_socket(websocket: WebSocket) -> None:
    """The sync protocol of Convex's clients, message by message."""
    sockets: set[WebSocket] = websocket.app.state.convex_sockets
    if not comes_from_a_page_of_ours(websocket):
        await websocket.close()  # before it is accepted: 403
        return
    if len(sockets) >= MOST_SOCKETS:
        full = problem(HTTPStatus.SERVICE_UNAVAILABLE, "Too many sockets are open", "unavailable")
        await websocket.send_denial_response(full)
        return
    sockets.add(websocket)
    try:
        await _pass_socket(websocket)
    except NoWayThrough as refused:
        await websocket.send_denial_response(problem(400, str(refused), refused.code))
    except WebSocketDisconnect:
        return
    finally:
        sockets.discard(websocket)


async def _pass_socket(websocket: WebSocket) -> None:
    services: Services = websocket.app.state.services
    target = target_of(websocket)
    try:
        async with services.store.passage.socket(target, headers=_asked_by(websocket)) as convex:
            await websocket.accept(subprotocol=None)
            await until_one_ends(_there(websocket, convex), _back(websocket, convex))
    except* SocketRefused as group:
        status = next(each.status for each in group.exceptions if isinstance(each, SocketRefused))
        await websocket.send_denial_response(
            problem(status, "Convex takes no socket there", _WORDS.get(status, "not_found"))
        )
    except* StoreUnavailable:
        log.info("convex_socket_lost")
        await _say_away(websocket)


async def _say_away(websocket: WebSocket) -> None:
    if websocket.application_state.name == "CONNECTING":
        away = problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "Convex does not answer; try again",
            "unavailable",
            headers={"Retry-After": "1"},
        )
        await websocket.send_denial_response(away)
    else:
        await close(websocket, RESTARTS, "Convex is away")


async def _there(websocket: WebSocket, convex: PassedSocket) -> None:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            await convex.close(GOING_AWAY, "")
            return
        text: str | None = message.get("text")
        data: bytes | None = message.get("bytes")
        async with asyncio.timeout(SEND_S):
            await convex.send(text if text is not None else data or b"")


async def _back(websocket: WebSocket, convex: PassedSocket) -> None:
    try:
        while not isinstance(message := await convex.receive(), Closed):
            async with asyncio.timeout(SEND_S):
                if isinstance(message, str):
                    await websocket.send_text(message)
                else:
                    await websocket.send_bytes(message)
    except TimeoutError:
        await close(websocket, TOO_BIG, "The page takes less than it is told")
    except (RuntimeError, WebSocketDisconnect):  # the page has left
        return
    else:
        await close(websocket, _code_of(message), message.reason)


def _code_of(closed: Closed) -> int:
    """The code for the page: some are of the connection that has ended, and may not be said."""
    return closed.code if closed.code in _SAYABLE else RESTARTS
