"""A page that follows a conversation by Server-Sent Events, as a browser would."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.api_client import Api


@dataclass
class Page:
    """What a page makes of the events."""

    text: str = ""
    names: list[str] = field(default_factory=list[str])
    messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    last_id: str = ""
    marked_text: str = ""
    bytes: int = 0
    ended: dict[str, Any] | None = None

    def take(self, name: str, data: Any, event_id: str) -> None:
        self.names.append(name or "text")
        match name:
            case "":
                self.text += data
            case "message":
                self.messages.append(data)
                self.text = data["content"]
            case "reset" | "resume":
                self.text = self.text[: data["chars"]]
            case "end":
                self.ended = data
            case _:
                pass
        if event_id:
            self.last_id = event_id


class StreamEnded(Exception):
    """It ended before any of the wanted events came."""


@asynccontextmanager
async def following(
    api: Api, conversation_id: str, page: Page, *, after: str | None = None
) -> AsyncGenerator[AsyncIterator[str]]:
    """A stream that has begun: gives the names of its events, which `page` has taken then."""
    path = f"/api/conversations/{conversation_id}/events"
    headers = {"Authorization": f"Bearer {api.token}"}
    if after is not None:
        headers["Last-Event-ID"] = after
    async with api.session.get(path, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        assert await response.content.readuntil(b"\n\n") == b"retry: 1000\n\n"

        async def names() -> AsyncIterator[str]:
            while True:
                try:
                    block = await response.content.readuntil(b"\n\n")
                except asyncio.IncompleteReadError:
                    return
                if not block:
                    return
                page.bytes += len(block)
                fields = dict(line.split(":", 1) for line in block.decode().strip().split("\n"))
                name = fields.get("event", "")
                page.take(name, json.loads(fields["data"]), fields.get("id", ""))
                yield name

        yield names()


async def until(names: AsyncIterator[str], *wanted: str) -> str:
    async for name in names:
        if name in wanted:
            return name
    raise StreamEnded(wanted)
