"""A page that reads UI message streams by hand: chunks, the ids of their events, and messages."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import StreamReader

from core.ids import new_id
from tests.support.api_client import Api
from tests.support.clients.programs import run_program

HEADER = "x-vercel-ai-ui-message-stream"
Chunk = dict[str, Any]


@dataclass
class Stream:
    """What has come so far. `ids`: of each event that had one, and how many chunks there were."""

    chunks: list[Chunk] = field(default_factory=list[Chunk])
    ids: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    is_done: bool = False

    @property
    def last_id(self) -> str:
        return self.ids[-1][1]

    @property
    def types(self) -> list[str]:
        return [chunk["type"] for chunk in self.chunks]

    def joined(self, kind: str) -> str:
        return "".join(it["delta"] for it in self.chunks if it["type"] == kind)

    def of(self, kind: str) -> list[Chunk]:
        return [chunk for chunk in self.chunks if chunk["type"] == kind]

    def until(self, index: int) -> "Stream":
        """What a reader had who left at the event of `ids[index]`."""
        count = self.ids[index][0]
        return Stream(self.chunks[:count], self.ids[: index + 1])


def said(text: str, *parts: Chunk, message_id: str = "") -> Chunk:
    return {
        "id": message_id or new_id("msg"),
        "role": "user",
        "parts": [{"type": "text", "text": text}, *parts],
    }


@dataclass
class Reader:
    """Reads as one person; keeps what it has read, for the `ai` package to judge."""

    api: Api
    folder: Path
    streams: list[Stream] = field(default_factory=list[Stream])

    @asynccontextmanager
    async def reading(
        self, stream: Stream, *, post: dict[str, Any] | None = None, resume: str = ""
    ) -> AsyncGenerator[AsyncIterator[Chunk]]:
        """A stream that has begun: gives its chunks, which `stream` has then.

        One that has an id already goes on behind that.
        """
        if not any(each is stream for each in self.streams):
            self.streams.append(stream)
        headers = {"Authorization": f"Bearer {self.api.token}"}
        if stream.ids:
            headers["Last-Event-ID"] = stream.last_id
            del stream.chunks[stream.ids[-1][0] :]  # they come again
        method, path = ("POST", "/api/chat") if post else ("GET", f"/api/chat/{resume}/stream")
        async with self.api.session.request(method, path, json=post, headers=headers) as response:
            assert response.status == 200, await response.text()
            assert response.headers[HEADER] == "v1"
            assert response.content_type == "text/event-stream"
            yield _chunks(response.content, stream)

    async def whole(self, begun: Stream | None = None, **how: Any) -> Stream:
        """A stream to its end."""
        stream = begun or Stream()
        async with self.reading(stream, **how) as chunks:
            async for _ in chunks:
                pass
        return stream

    async def messages(self, streams: Sequence[Stream]) -> list[Any]:
        """The message that the `ai` package makes of each stream, by its schema; none: None."""
        file = self.folder / "streams.json"
        await asyncio.to_thread(file.write_text, json.dumps([each.chunks for each in streams]))
        told = await run_program("chunks.ts", {"file": str(file)})
        assert told["wrong"] == []
        return told["messages"]


async def _chunks(content: StreamReader, stream: Stream) -> AsyncIterator[Chunk]:
    while True:
        try:
            block = (await content.readuntil(b"\n\n")).decode().strip()
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
        if "id" in fields:
            stream.ids.append((len(stream.chunks), fields["id"]))
        yield chunk


async def until(chunks: AsyncIterator[Chunk], *wanted: str) -> Chunk:
    async for chunk in chunks:
        if chunk["type"] in wanted:
            return chunk
    raise AssertionError(f"the stream ended before {wanted}")
