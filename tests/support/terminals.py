"""A person's terminal over its websocket, as a front end speaks it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.support.api_client import Api

WAIT_S = 60.0


class Client:
    """One websocket of a terminal; `session` is what it was told first."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.shown = ""
        self.told: list[dict[str, Any]] = []

    @property
    def session(self) -> str:
        return self.told[0]["session"]

    async def next(self) -> aiohttp.WSMessage:
        async with asyncio.timeout(WAIT_S):
            message = await self.socket.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            self.shown += message.data.decode(errors="replace")
        elif message.type is aiohttp.WSMsgType.TEXT:
            self.told.append(json.loads(message.data))
        return message

    async def type(self, text: str) -> None:
        await self.socket.send_bytes(text.encode())

    async def until_shown(self, words: str) -> str:
        """What is shown up to these words, which are not asked for again."""
        while words not in self.shown:
            message = await self.next()
            assert not self.socket.closed, (message, self.told, self.shown[-500:])
        before, _, self.shown = self.shown.partition(words)
        return before

    async def until_told(self, kind: str) -> dict[str, Any]:
        while not any(it["type"] == kind for it in self.told):
            message = await self.next()
            assert not self.socket.closed, (message, self.told, self.shown[-500:])
        return next(it for it in self.told if it["type"] == kind)

    async def until_closed(self) -> int | None:
        """The code with which it was closed."""
        while not self.socket.closed:
            await self.next()
        return self.socket.close_code


@asynccontextmanager
async def terminal_of(
    api: Api,
    project_id: str,
    *,
    session: str | None = None,
    headers: Mapping[str, str] | None = None,
    protocols: Sequence[str] = (),
) -> AsyncGenerator[Client]:
    """A terminal in the project, by the caller's token."""
    query = {"cols": "100", "rows": "30"} | ({} if session is None else {"session": session})
    given = {"Authorization": f"Bearer {api.token}"} if headers is None else headers
    path = f"/api/projects/{project_id}/terminal"
    async with api.session.ws_connect(
        path, params=query, headers=given, protocols=protocols, max_msg_size=0
    ) as socket:
        yield Client(socket)
