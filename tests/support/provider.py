"""A provider that plays given bytes over HTTP, whatever it is asked, and remembers the requests."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from llm.odd import object_in

Frames = Sequence[object]  # an object or array is one event, a text is sent as it stands


@dataclass
class Answer:
    """What is sent: an HTTP status, headers, and a body that may be a stream of events."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"Content-Type": "text/event-stream"}
    )


@dataclass
class WireServer:
    """Where it listens; the last of the `answers` is given again and again."""

    url: str
    answers: list[Answer]
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def events(protocol: str, frames: Frames) -> Answer:
    """The frames as the protocol's stream of events."""
    return Answer("".join(_event(protocol, frame) for frame in frames).encode(errors="replace"))


def _event(protocol: str, frame: object) -> str:
    if isinstance(frame, str):
        return frame
    name = object_in(frame).get("type") if protocol in {"anthropic", "responses"} else None
    head = f"event: {name}\n" if isinstance(name, str) and name else ""
    return f"{head}data: {json.dumps(frame)}\n\n"


def said(status: int, body: object, **headers: str) -> Answer:
    """An answer that is no stream; header names have underscores for dashes."""
    content_type = "application/json" if not isinstance(body, str) else "text/plain"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(text.encode(), status, {"Content-Type": content_type, **named})


@asynccontextmanager
async def wire_server(*answers: Answer) -> AsyncGenerator[WireServer]:
    """Serve the answers in turn on the paths of all protocols."""
    server = WireServer("", list(answers))

    async def answer(request: web.Request) -> web.StreamResponse:
        server.requests.append(await request.json())
        number = min(len(server.requests), len(server.answers)) - 1
        now = server.answers[number]
        response = web.StreamResponse(status=now.status, headers=now.headers)
        await response.prepare(request)
        await response.write(now.body)
        return response

    app = web.Application()
    for path in ("/v1/messages", "/v1/chat/completions", "/v1/responses"):
        app.router.add_post(path, answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()
