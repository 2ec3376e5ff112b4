"""A person's client of the HTTP API."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import aiohttp
from yarl import URL

from tests.support.product import Program

POLL_S = 0.02  # the HTTP API has no live queries; those are tested with the official clients


@dataclass(frozen=True)
class Answer:
    """A response, read."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Api:
    """Calls as one user."""

    session: aiohttp.ClientSession
    url: str
    owner: str
    token: str

    async def call(
        self,
        method: str,
        path: str | URL,
        json: object = None,
        *,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Any request; the body as JSON where it is JSON."""
        with_token = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        async with self.session.request(
            method, path, json=json, data=data and BytesIO(data), headers=with_token
        ) as response:
            raw = await response.read()
            is_json = response.content_type == "application/json" and raw
            body = await response.json() if is_json else raw
            return Answer(response.status, body, response.headers)

    async def ok(self, method: str, path: str, json: object = None, **more: Any) -> Any:
        """A request that must succeed; its body."""
        answer = await self.call(method, path, json, **more)
        assert answer.status < 300, answer
        return answer.body

    async def project(self, name: str = "shop") -> str:
        return (await self.ok("POST", "/api/projects", {"name": name}))["projectId"]

    async def conversation(self, project_id: str | None = None) -> str:
        path = f"/api/projects/{project_id or await self.project()}/conversations"
        return (await self.ok("POST", path, {"title": "One"}))["conversationId"]

    async def send(
        self, conversation_id: str, text: str, when_busy: str | None = None
    ) -> dict[str, Any]:
        body = {"conversationId": conversation_id, "message": text}
        if when_busy is not None:
            body["whenBusy"] = when_busy
        return await self.ok("POST", "/api/messages", body)

    async def message(self, message_id: str) -> dict[str, Any]:
        return await self.ok("GET", f"/api/messages/{message_id}")

    async def until_streaming(self, message_id: str) -> str:
        """Ask for deltas, as a client without live queries does, until there are some."""
        while True:
            page = await self.ok("GET", f"/api/messages/{message_id}/deltas?from=0")
            text = "".join(run["text"] for run in page["runs"])
            if text:
                return text
            await asyncio.sleep(POLL_S)

    async def until_final(self, message_id: str) -> dict[str, Any]:
        """Ask for deltas from a cursor until the status is final; the message."""
        while True:
            page = await self.ok("GET", f"/api/messages/{message_id}/deltas?from=2000000000")
            if page["status"] != "processing":
                return await self.message(message_id)
            await asyncio.sleep(POLL_S)


@asynccontextmanager
async def api_at(url: str, owner: str, token: str) -> AsyncGenerator[Api]:
    async with aiohttp.ClientSession(base_url=url) as session:
        yield Api(session, url, owner, token)


def local_user(program: Program) -> AbstractAsyncContextManager[Api]:
    """The person of a `polaris dev` that has one."""
    return api_at(program.ready["api"], "local", program.ready["token"])
