"""What the official clients cannot show: the bytes of the sync protocol, and what stays away."""

import asyncio
import base64
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from core.ids import new_id
from tests.embedded_convex.api import ADMIN_KEY, Api, serving

Message = dict[str, Any]


def time_of(message: Message) -> int:
    return int.from_bytes(base64.b64decode(message["ts"]), "little")


class Socket:
    """A session of the sync protocol, spoken by hand."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: str) -> None:
        self._socket = socket
        self._session = session
        self._query_set = 0

    async def connect(self, **more: object) -> None:
        hello = {"connectionCount": 0, "lastCloseReason": None, "clientTs": 0, **more}
        await self._socket.send_json({"type": "Connect", "sessionId": self._session, **hello})

    async def watch(self, query_id: int, path: str, **args: object) -> None:
        add = {"type": "Add", "queryId": query_id, "udfPath": path, "args": [args]}
        await self.modify(add)

    async def modify(self, *modifications: Message) -> None:
        base, self._query_set = self._query_set, self._query_set + 1
        versions = {"baseVersion": base, "newVersion": base + 1}
        message = {"type": "ModifyQuerySet", **versions, "modifications": modifications}
        await self._socket.send_json(message)

    async def mutate(self, request: int, path: str, **args: object) -> None:
        message = {"type": "Mutation", "requestId": request, "udfPath": path, "args": [args]}
        await self._socket.send_json(message)

    async def send(self, message: Message) -> None:
        await self._socket.send_json(message)

    async def next(self) -> Message:
        async with asyncio.timeout(8):
            while (message := await self._socket.receive_json())["type"] == "Ping":
                pass
        return message

    async def closed(self) -> int | None:
        async with asyncio.timeout(8):
            await self._socket.receive()
        return self._socket.close_code


@asynccontextmanager
async def session(api: Api, name: str | None = None, **more: object) -> AsyncGenerator[Socket]:
    async with api.http.ws_connect(f"{api.url}/api/1.48.0/sync") as websocket:
        socket = Socket(websocket, name or new_id("session"))
        await socket.connect(**more)
        yield socket


def values(transition: Message) -> dict[int, Any]:
    assert transition["type"] == "Transition", transition
    return {change["queryId"]: change["value"] for change in transition["modifications"]}


async def test_versions_follow_the_client_and_each_other(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (_, api), session(api) as socket:
        await socket.watch(1, "notes:ranked", list="a")
        first = await socket.next()
        assert first["startVersion"] == {"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="}
        assert first["endVersion"]["querySet"] == 1
        assert values(first) == {1: []}
        await socket.watch(2, "notes:ranked", list="b")
        second = await socket.next()
        assert second["startVersion"] == first["endVersion"]
        await socket.modify({"type": "Remove", "queryId": 1})
        third = await socket.next()
        assert third["modifications"] == [{"type": "QueryRemoved", "queryId": 1}]


async def test_the_response_goes_first_then_a_transition_that_is_not_older(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (_, api), session(api) as socket:
        await socket.watch(1, "notes:ranked", list="a")
        await socket.next()
        await socket.mutate(0, "notes:add", list="a", rank=1, text="x")
        response, transition = await socket.next(), await socket.next()
        assert response["type"] == "MutationResponse"
        assert values(transition) == {1: ["x"]}
        assert time_of(transition["endVersion"]) >= time_of(response)
        await socket.mutate(1, "notes:add", list="elsewhere", rank=1, text="x")
        response, transition = await socket.next(), await socket.next()
        assert values(transition) == {}
        assert time_of(transition["endVersion"]) >= time_of(response)


async def test_a_transition_holds_one_snapshot_of_all_queries(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (_, api), session(api) as socket:
        await socket.watch(1, "notes:ranked", list="a")
        await socket.watch(2, "notes:ranked", list="a", limit=50)
        seen: dict[int, Any] = {}
        adding = [api.mutation("notes:add", list="a", rank=i, text=str(i)) for i in range(40)]
        async with asyncio.TaskGroup() as group:
            for one in adding:
                group.create_task(one)
            while len(seen.get(1, [])) < 40 or len(seen.get(2, [])) < 40:
                seen |= values(await socket.next())
                assert seen.get(2) is None or seen[1] == seen[2]


async def test_who_is_not_concerned_hears_nothing(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (_, api), session(api) as socket:
        for rank in range(3):
            await api.mutation("notes:add", list="a", rank=rank, text=f"a{rank}")
        await socket.watch(1, "notes:ranked", list="a", limit=2)
        assert values(await socket.next()) == {1: ["a0", "a1"]}
        await api.mutation("notes:add", list="b", rank=0, text="another list")
        await api.mutation("notes:add", list="a", rank=9, text="behind what was read")
        await api.mutation("notes:add", list="a", rank=-1, text="before the range")
        await api.mutation("notes:add", list="a", rank=0.5, text="between")
        assert values(await socket.next()) == {1: ["a0", "between"]}


@pytest.mark.timeout(60)
async def test_all_that_a_client_has_collected_while_it_was_away_is_done(tmp_path: Path) -> None:
    """More mutations than may wait, behind one that takes 5 s: the rest is read later."""
    async with serving("basic", tmp_path / "d.sqlite") as (_, api), session(api) as socket:
        await socket.mutate(0, "runtime:never")
        for number in range(1, 1102):
            await socket.mutate(number, "notes:add", list="a", rank=number, text="x")
        answers = 0
        while answers < 1102:
            message = await socket.next()
            assert message["type"] in {"MutationResponse", "Transition"}, message
            answers += message["type"] == "MutationResponse"
        assert len(await api.query("notes:ranked", list="a", limit=2000)) == 1101


@pytest.mark.timeout(30)
async def test_a_mutation_sent_again_after_kill_9_gives_its_first_answer(tmp_path: Path) -> None:
    data, name = tmp_path / "d.sqlite", new_id("session")
    async with serving("basic", data) as (convex, api), session(api, name) as socket:
        await socket.mutate(7, "notes:add", list="a", rank=1, text="once")
        first = await socket.next()
        os.kill(convex.pid, signal.SIGKILL)
        await convex.wait()
    async with serving("basic", data) as (_, api), session(api, name) as socket:
        await socket.mutate(7, "notes:add", list="a", rank=1, text="once")
        assert await socket.next() == first
        assert time_of((await socket.next())["endVersion"]) >= time_of(first)
        assert await api.query("notes:ranked", list="a") == ["once"]


async def test_a_clock_far_ahead_is_refused_and_one_a_little_ahead_is_followed(
    tmp_path: Path,
) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (_, api):

        def observed(ts: int) -> str:
            return base64.b64encode(ts.to_bytes(8, "little")).decode()

        async with session(api, maxObservedTimestamp=observed(2**63)) as socket:
            assert (await socket.next())["type"] == "FatalError"
        async with session(api) as socket:
            await socket.watch(1, "notes:ranked", list="a")
            ahead = time_of((await socket.next())["endVersion"]) + 5_000_000_000
        async with session(api, maxObservedTimestamp=observed(ahead)) as socket:
            await socket.mutate(0, "notes:add", list="a", rank=1, text="x")
            assert time_of(await socket.next()) > ahead


async def test_a_wrong_version_or_message_ends_the_session(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (_, api):
        versions = {"baseVersion": 4, "newVersion": 5}
        wrong: Message = {"type": "ModifyQuerySet", **versions, "modifications": ()}
        for message in (wrong, {"type": "Nonsense"}):
            async with session(api) as socket:
                await socket.send(message)
                assert (await socket.next())["type"] == "FatalError"
                assert await socket.closed() == 1008


async def test_authentication_changes_what_queries_see_and_a_bad_one_is_said(
    tmp_path: Path,
) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (_, api), session(api) as socket:
        await socket.watch(1, "notes:secret")
        [failed] = (await socket.next())["modifications"]
        assert failed["type"] == "QueryFailed"
        admin = {"type": "Authenticate", "tokenType": "Admin", "value": ADMIN_KEY}
        await socket.send({**admin, "baseVersion": 0})
        transition = await socket.next()
        assert values(transition) == {1: "internal"}
        assert transition["endVersion"]["identity"] == 1
        await socket.send({**admin, "baseVersion": 1, "value": "wrong"})
        error = await socket.next()
        assert (error["type"], error["baseVersion"]) == ("AuthError", 1)
        assert error["authUpdateAttempted"] is True


async def test_other_paths_are_no_sync(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (_, api):
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await api.http.ws_connect(f"{api.url}/api/elsewhere")
