"""An error that no caller of a function can catch ends that function, and nothing else."""

import asyncio

import aiohttp
import pytest

from tests.embedded_convex.api import Api, FunctionFailed

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(30)]

WAIT_S = 8.0  # an action that is not ended waits for ever


@pytest.mark.parametrize(
    ("path", "how"),
    [
        ("runtime:loses", "setTimeout"),
        ("runtime:loses", "setImmediate"),
        ("runtime:loses", "queueMicrotask"),
        ("runtime:loses", "a promise"),
        ("runtime:loses", "a late promise"),
        ("machine:loses", "setTimeout"),
        ("machine:loses", "process.nextTick"),
        ("machine:loses", "a promise"),
        ("machine:loses", "an emitter"),
    ],
)
async def test_an_error_outside_of_its_promise_ends_an_action(
    api: Api, path: str, how: str
) -> None:
    async with asyncio.timeout(WAIT_S):
        with pytest.raises(FunctionFailed, match=f"Uncaught Error: lost by {how}"):
            await api.action(path, how=how)


async def test_an_error_that_nobody_listens_for_ends_an_action(api: Api) -> None:
    async with asyncio.timeout(WAIT_S):
        with pytest.raises(FunctionFailed, match="Uncaught Error: connect ECONNREFUSED"):
            await api.action("machine:loses", how="a socket")


async def test_a_function_that_ends_the_process_ends_itself_alone(api: Api) -> None:
    async with asyncio.timeout(WAIT_S):
        with pytest.raises(FunctionFailed, match=r"process\.exit\(3\)"):
            await api.action("machine:exits", code=3)
        with pytest.raises(FunctionFailed, match=r"process\.exit\(0\)"):
            await api.action("machine:loses", how="process.exit")
    assert await api.query("notes:echo", value=1) == 1


async def test_others_do_not_feel_it(api: Api) -> None:
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        other = group.create_task(api.action("machine:later", ms=300))
        with pytest.raises(FunctionFailed, match="lost by setTimeout"):
            await api.action("machine:loses", how="setTimeout")
        assert await api.action("machine:leavesBehind") == "done"
    assert other.result() == "later"
    assert await api.query("notes:echo", value=1) == 1


async def test_it_ends_an_http_action(api: Api) -> None:
    async with asyncio.timeout(WAIT_S), api.http.get(f"{api.url}/loses") as response:
        assert response.status == 500
        assert "lost by an http action" in await response.text()


async def test_it_ends_the_body_of_an_http_action(api: Api) -> None:
    async with asyncio.timeout(WAIT_S), api.http.get(f"{api.url}/loses-its-body") as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
