"""Sessions without a user are bounded, each and together; whose pages may open one."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from core.ids import new_id
from embedded_convex.process import EmbeddedConvex
from tests.embedded_convex.api import ADMIN_KEY, FIXTURES, Api, serving

pytestmark = pytest.mark.timeout(60)

MOST_QUERIES = 250  # of a session without a user
MOST_SESSIONS = 200  # of an address
MOST_IN_ALL = 20_000  # queries of all of them
WAIT_S = 15.0


class Guest:
    """A session spoken by hand; it watches one query under many ids."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._version = 0
        self._identity = 0
        self.watched = 0

    async def connect(self) -> None:
        hello = {"connectionCount": 0, "lastCloseReason": None, "clientTs": 0}
        await self._socket.send_json({"type": "Connect", "sessionId": new_id("s"), **hello})

    async def watch(self, queries: int) -> None:
        numbers = range(self.watched, self.watched + queries)
        query = {"type": "Add", "udfPath": "notes:echo", "args": [{"value": 1}]}
        await self.modify([{**query, "queryId": number} for number in numbers])
        self.watched += queries

    async def modify(self, modifications: list[dict[str, Any]]) -> None:
        base, self._version = self._version, self._version + 1
        versions = {"baseVersion": base, "newVersion": self._version}
        message = {"type": "ModifyQuerySet", **versions, "modifications": modifications}
        await self._socket.send_json(message)

    async def sign(self, token_type: str) -> None:
        message = {"type": "Authenticate", "tokenType": token_type, "baseVersion": self._identity}
        self._identity += 1
        await self._socket.send_json({**message, "value": ADMIN_KEY})

    async def values(self) -> int:
        """How many queries the next transition brings."""
        async with asyncio.timeout(WAIT_S):
            while (message := await self._socket.receive_json())["type"] == "Ping":
                pass
        assert message["type"] == "Transition", message
        return len(message["modifications"])

    async def end(self) -> tuple[str | None, int | None]:
        """The error of the FatalError that ends the session, if one does, and the code."""
        error: str | None = None
        async with asyncio.timeout(WAIT_S):
            while (message := await self._socket.receive()).type == WSMsgType.TEXT:
                if message.json()["type"] == "FatalError":
                    error = message.json()["error"]
        return error, self._socket.close_code


@asynccontextmanager
async def guest(api: Api, address: str | None = None) -> AsyncGenerator[Guest]:
    headers = {} if address is None else {"X-Forwarded-For": f"6.6.6.6, {address}"}
    async with api.http.ws_connect(f"{api.url}/api/sync", headers=headers) as socket:
        session = Guest(socket)
        await session.connect()
        yield session


async def test_a_guest_watches_a_bounded_number_of_queries(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (_, api):
        async with guest(api) as session:
            await session.watch(MOST_QUERIES)
            assert await session.values() == MOST_QUERIES
            await session.watch(1)
            error, code = await session.end()
            assert error is not None
            assert error.startswith("TooManyQueries: a session without a user")
            assert code == 1008
        async with guest(api) as session:
            await session.watch(9_999)
            assert (await session.end())[1] == 1008


async def test_a_session_that_drops_queries_may_watch_others(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (_, api), guest(api) as session:
        for _ in range(3):
            await session.watch(MOST_QUERIES)
            assert await session.values() == MOST_QUERIES
            numbers = range(session.watched - MOST_QUERIES, session.watched)
            await session.modify([{"type": "Remove", "queryId": number} for number in numbers])
            assert await session.values() == MOST_QUERIES


async def test_who_has_signed_in_watches_more_until_he_signs_out(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (_, api), guest(api) as session:
        await session.sign("Admin")
        await session.watch(9_999)
        while await session.values() != 9_999:
            pass
        await session.sign("None")
        assert (await session.end())[1] == 1008


async def test_an_address_has_a_bounded_number_of_guests(tmp_path: Path) -> None:
    async with (
        serving("basic", tmp_path / "d.sqlite") as (convex, _),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
        AsyncExitStack() as stack,
    ):
        api = Api(convex.url, http)
        signed_in = await stack.enter_async_context(guest(api))
        await signed_in.sign("Admin")
        await signed_in.watch(1)
        while await signed_in.values() != 1:
            pass
        for _ in range(MOST_SESSIONS - 1):
            await stack.enter_async_context(guest(api))
        async with guest(api):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await stack.enter_async_context(guest(api))
            assert refused.value.status == 429
            async with guest(api, "203.0.113.7") as elsewhere:
                await elsewhere.watch(1)
                assert await elsewhere.values() == 1
        assert await api.query("notes:echo", value=1) == 1


async def test_who_did_wrong_does_not_come_back_at_once(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (_, api):

        async def do_wrong() -> None:
            async with guest(api, "203.0.113.7") as session:
                await session.watch(MOST_QUERIES + 1)
                await session.end()

        await asyncio.gather(*(do_wrong() for _ in range(MOST_SESSIONS)))
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await api.http.ws_connect(
                f"{api.url}/api/sync", headers={"X-Forwarded-For": "203.0.113.7"}
            )
        async with guest(api) as session:
            await session.watch(1)
            assert await session.values() == 1


async def test_beyond_the_bound_of_all_the_largest_goes_and_not_the_last(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (_, api), AsyncExitStack() as stack:
        greedy: list[Guest] = []
        for _ in range(MOST_IN_ALL // MOST_QUERIES):
            session = await stack.enter_async_context(guest(api, "203.0.113.7"))
            await session.watch(MOST_QUERIES)
            assert await session.values() == MOST_QUERIES
            greedy.append(session)
        modest = await stack.enter_async_context(guest(api, "203.0.113.8"))
        await modest.watch(10)
        assert await modest.values() == 10
        assert await greedy[0].end() == (None, 1013)
        await modest.watch(10)
        assert await modest.values() == 10


FOREIGN = [
    ({"Host": "evil.example"}, 421),
    ({"Host": "127.0.0.1.evil.example"}, 421),
    ({"Host": "192.168.1.2"}, 421),
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "http://localhost.evil.example:3000"}, 403),
    ({"Origin": "null"}, 403),
]
OWN = [
    {},
    {"Host": "localhost:3210"},
    {"Host": "app.localhost"},
    {"Host": "[::1]:1"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "http://127.0.0.1:5173"},
    {"Origin": "https://listed.example"},
]


def deployment(data: Path, **env: str) -> EmbeddedConvex:
    origins = ["https://listed.example/"]
    return EmbeddedConvex(FIXTURES / "basic", data, admin_key=ADMIN_KEY, env=env, origins=origins)


async def test_pages_and_names_of_others_are_refused(tmp_path: Path) -> None:
    body = {"path": "notes:echo", "args": {"value": 1}}
    async with deployment(tmp_path / "d.sqlite") as convex, aiohttp.ClientSession() as http:
        for headers, status in FOREIGN:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(f"{convex.url}/api/sync", headers=headers)
            assert refused.value.status == status
            async with http.post(f"{convex.url}/api/query", json=body, headers=headers) as reply:
                assert reply.status == status
                assert set(await reply.json()) == {"code", "message"}
        for headers in OWN:
            async with http.ws_connect(f"{convex.url}/api/sync", headers=headers):
                pass
            async with http.post(f"{convex.url}/api/query", json=body, headers=headers) as reply:
                assert reply.status == 200


async def test_a_deployment_that_others_reach_is_open_to_its_pages(tmp_path: Path) -> None:
    async with serving(
        "basic", tmp_path / "a.sqlite", env={"CONVEX_CLOUD_URL": "https://convex.example"}
    ) as (_, api):
        headers = {"Host": "convex.example", "Origin": "https://app.example"}
        async with api.http.ws_connect(f"{api.url}/api/sync", headers=headers):
            pass
    async with (
        deployment(tmp_path / "b.sqlite", CONVEX_CLOUD_URL="https://convex.example") as convex,
        aiohttp.ClientSession() as http,
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(f"{convex.url}/api/sync", headers=headers)
