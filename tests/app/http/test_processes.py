"""Processes that an agent has started, as the project's owner sees and ends them."""

import re

import pytest

from tests.app.conftest import NewPerson
from tests.app.http.test_mcp import client, text_of, token_of
from tests.support.api_client import Api
from tests.support.waiting import until_answered
from tools.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
async def needs_a_sandbox() -> None:
    async with Sandbox() as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no user namespaces and no Landlock")


async def started(api: Api, project_id: str, command: str) -> str:
    async with client(api, await token_of(api, project_id)) as mcp:
        said = text_of(await mcp.call_tool("startProcess", {"command": command}))
    [process_id] = re.findall(r"Process (p\d+) is running", said)
    return process_id


async def test_the_owner_sees_what_it_prints_and_ends_it(api: Api, new_person: NewPerson) -> None:
    project_id, other_id = await api.project(), await api.project()
    path = f"/api/projects/{project_id}/processes"
    assert (await api.ok("GET", path)) == {"processes": []}
    process_id = await started(api, project_id, "echo begun; sleep 300")
    [shown] = (await api.ok("GET", path))["processes"]
    assert shown.pop("startedAt") > 1_700_000_000_000
    assert shown == {
        "processId": process_id,
        "command": "echo begun; sleep 300",
        "output": "begun\n",
    }
    assert (await api.ok("GET", f"/api/projects/{other_id}/processes")) == {"processes": []}
    stranger = await new_person()
    for call in (stranger.call("GET", path), stranger.call("POST", f"{path}/{process_id}/stop")):
        assert (await call).status == 404
    elsewhere = await api.call("POST", f"/api/projects/{other_id}/processes/{process_id}/stop")
    assert (elsewhere.status, elsewhere.body["code"]) == (404, "no_such_process")
    ended = await api.ok("POST", f"{path}/{process_id}/stop")
    assert (ended["ending"], ended["processId"]) == ("stopped", process_id)
    assert ended["endedAt"] > 1_700_000_000_000
    assert (await api.ok("POST", f"{path}/{process_id}/stop")) == ended
    assert (await api.ok("GET", path))["processes"] == [ended]


async def test_what_an_agent_has_read_is_shown_all_the_same(api: Api) -> None:
    project_id = await api.project()
    line = "seq 9000; echo the end; sleep 300"
    process_id = await started(api, project_id, line)
    async with client(api, await token_of(api, project_id)) as mcp:
        await mcp.call_tool("readProcess", {"processId": process_id})
    path = f"/api/projects/{project_id}/processes"

    async def is_shown() -> bool:
        [shown] = (await api.ok("GET", path))["processes"]
        return len(shown["output"]) == 16 * 1024 and shown["output"].endswith("\nthe end\n")

    await until_answered(is_shown)
    await api.ok("POST", f"{path}/{process_id}/stop")
