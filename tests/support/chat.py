"""A page that reads UI message streams by hand: chunks, and the ids of their events."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from core.ids import new_id
from tests.support.api_client import Api

HEADER = "x-vercel-ai-ui-message-stream"
Chunk = dict[str, Any]


@dataclass
class Stream:
    """What has come so far."""

    chunks: list[Chunk] = field(default_factory=list[Chunk])
    last_id: str = ""
    is_done: bool = False

    @property
    def types(self) -> list[str]:
        return [chunk["type"] for chunk in self.chunks]

    def joined(self, kind: str) -> str:
        return "".join(it["delta"] for it in self.chunks if it["type"] == kind)

    def of(self, kind: str) -> list[Chunk]:
        return [chunk for chunk in self.chunks if chunk["type"] == kind]


def said(text: str, *parts: Chunk, message_id: str = "") -> Chunk:
    return {
        "id": message_id or new_id("msg"),
        "role": "user",
        "parts": [{"type": "text", "text": text}, *parts],
    }


@asynccontextmanager
async def streaming(
    api: Api,
    stream: Stream,
    *,
    post: dict[str, Any] | None = None,
    resume: str = "",
    after: str = "",
) -> AsyncGenerator[AsyncIterator[Chunk]]:
    """A stream that has begun: gives its chunks, which `stream` has then."""
    headers = {"Authorization": f"Bearer {api.token}"}
    if after:
        headers["Last-Event-ID"] = after
    method, path = ("POST", "/api/chat") if post else ("GET", f"/api/chat/{resume}/stream")
    async with api.session.request(method, path, json=post, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.headers[HEADER] == "v1"
        assert response.content_type == "text/event-stream"

        async def chunks() -> AsyncIterator[Chunk]:
            while True:
                try:
                    block = (await response.content.readuntil(b"\n\n")).decode().strip()
                except asyncio.IncompleteReadError:
                    return
                lines = block.split("\n")
                fields = dict(line.split(":", 1) for line in lines if not line.startswith(":"))
                if not fields:
                    continue
                if fields["data"].strip() == "[DONE]":
                    stream.is_done = True
                    return
                chunk = json.loads(fields["data"])
                stream.chunks.append(chunk)
                stream.last_id = fields.get("id", stream.last_id)
                yield chunk

        yield chunks()


async def whole(api: Api, **how: Any) -> Stream:
    """A stream to its end."""
    stream = Stream()
    async with streaming(api, stream, **how) as chunks:
        async for _ in chunks:
            pass
    return stream


async def until(chunks: AsyncIterator[Chunk], *wanted: str) -> Chunk:
    async for chunk in chunks:
        if chunk["type"] in wanted:
            return chunk
    raise AssertionError(f"the stream ended before {wanted}")
