"""A bare HTTP client of Convex's public API, as the tests speak it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp

from core.ids import new_id
from embedded_convex.process import EmbeddedConvex

FIXTURES = Path(__file__).with_name("fixtures")
ADMIN_KEY = "the-admin-key"
WAIT_S = 8.0


class FunctionFailed(Exception):
    """A function threw; `data` is that of a ConvexError."""

    def __init__(self, message: str, data: object) -> None:
        super().__init__(message)
        self.data = data


@dataclass
class Api:
    """Calls functions over HTTP."""

    url: str
    http: aiohttp.ClientSession

    async def call(
        self, kind: str, path: str, args: Mapping[str, object], authorization: str = ""
    ) -> Any:
        body = {"path": path, "args": args, "format": "json"}
        headers = {"Authorization": authorization} if authorization else {}
        status, reply = await self.post(f"/api/{kind}", body, headers)
        assert status == 200, reply
        if reply["status"] == "error":
            raise FunctionFailed(reply["errorMessage"], reply.get("errorData"))
        return reply["value"]

    async def query(self, path: str, authorization: str = "", **args: object) -> Any:
        return await self.call("query", path, args, authorization)

    async def mutation(self, path: str, authorization: str = "", **args: object) -> Any:
        return await self.call("mutation", path, args, authorization)

    async def action(self, path: str, authorization: str = "", **args: object) -> Any:
        return await self.call("action", path, args, authorization)

    async def post(
        self, path: str, body: object, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        data = BytesIO(json.dumps(body).encode())  # aiohttp warns of large bodies that are bytes
        async with self.http.post(self.url + path, data=data, headers=headers) as response:
            return response.status, await response.json()

    async def watch(self, path: str, **args: object) -> AsyncGenerator[Any]:
        """The values of a query, from now on, over the sync protocol."""
        add = {"type": "Add", "queryId": 0, "udfPath": path, "args": [args]}
        hello = {"connectionCount": 0, "lastCloseReason": None, "clientTs": 0}
        async with self.http.ws_connect(f"{self.url}/api/sync") as socket:
            await socket.send_json({"type": "Connect", "sessionId": new_id("session"), **hello})
            versions = {"baseVersion": 0, "newVersion": 1}
            await socket.send_json({"type": "ModifyQuerySet", **versions, "modifications": [add]})
            async for message in socket:
                for change in message.json().get("modifications", []):
                    assert change["type"] == "QueryUpdated", change
                    yield change["value"]

    async def until(self, holds: Callable[[Any], bool], path: str, **args: object) -> Any:
        """The first value of a query for which `holds`."""
        async with asyncio.timeout(WAIT_S), aclosing(self.watch(path, **args)) as values:
            async for value in values:
                if holds(value):
                    return value
        raise AssertionError(f"the subscription to {path} has ended")


@asynccontextmanager
async def serving(
    folder: str | Path, data: Path, *, env: Mapping[str, str] | None = None, watch: bool = False
) -> AsyncGenerator[tuple[EmbeddedConvex, Api]]:
    """The embedded Convex on a fixture's folder, and a client of it."""
    async with (
        EmbeddedConvex(
            FIXTURES / folder, data, admin_key=ADMIN_KEY, env=env or {}, watch=watch
        ) as convex,
        aiohttp.ClientSession() as http,
    ):
        yield convex, Api(convex.url, http)
