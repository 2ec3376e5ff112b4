"""Whole projects over HTTP: begun, followed, cancelled, gone on with; and from a prompt."""

import asyncio
import json
from typing import Any

import pytest

from tests.app.conftest import CANARY, NewPerson
from tests.support.api_client import POLL_S, Api

pytestmark = pytest.mark.timeout(120)  # the first test of a session starts the product

DESCRIPTION = "A small tool, to write notes with."  # the scripted model writes one file a step


async def status_of(api: Api, project_id: str) -> dict[str, Any]:
    return await api.ok("GET", f"/api/projects/generate/status/{project_id}")


async def until_ended(api: Api, project_id: str) -> dict[str, Any]:
    while (status := await status_of(api, project_id))["status"] == "processing":  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)
    return status


async def test_a_project_is_begun_followed_and_whole(api: Api) -> None:
    begun = await api.ok("POST", "/api/projects/generate", {"description": DESCRIPTION})
    project_id = begun["projectId"]
    assert begun["success"] is True
    assert begun["runId"]
    status = await until_ended(api, project_id)
    assert (status["status"], status["progress"], len(status["steps"])) == ("completed", 100, 8)
    assert status["verification"]["state"] == "notVerified"  # one text is nothing to build
    kinds = {event["type"] for event in status["events"]}
    assert kinds >= {"step", "info", "file"}
    file = next(event for event in status["events"] if event["type"] == "file")
    assert (file["filePath"], file["preview"]) == ("made.txt", "by me\n")
    project = await api.ok("GET", f"/api/projects/{project_id}")
    assert project["name"].startswith("Generated Project ")
    again = await api.ok("POST", "/api/projects/generate", {"projectId": project_id})
    assert again["conversationId"] == begun["conversationId"]
    assert again["projectGenerationId"] != begun["projectGenerationId"]
    assert (await until_ended(api, project_id))["status"] == "completed"


async def test_a_project_that_looks_around_finds_nothing_of_the_host(api: Api) -> None:
    body = {"description": "A tool that looks around on the machine it runs on"}
    begun = await api.ok("POST", "/api/projects/generate", body)
    status = await until_ended(api, begun["projectId"])
    evidence = status["verification"]
    if "no sandbox" in evidence["reason"]:
        pytest.skip("this machine offers no sandbox to look around in")
    (build,) = evidence["checks"]
    assert (build["command"], build["exitCode"]) == ("npm run build", 0)
    assert "found: nothing" in build["output"]
    assert '"PATH":' in build["output"]  # it has printed its environment
    path = f"/api/conversations/{begun['conversationId']}/messages"
    told = json.dumps([status, await api.ok("GET", path)])
    for secret in (CANARY, "OF_THE_HOST", "POLARIS_", "sk-ant-"):
        assert secret not in told


async def test_it_is_cancelled_and_says_so(new_person: NewPerson) -> None:
    api = await new_person()
    body = {"description": "A project that is to hang in its first step", "projectName": "Bikes"}
    begun = await api.ok("POST", "/api/projects/generate", body)
    project_id = begun["projectId"]
    while (await status_of(api, project_id)).get("currentStep") is None:  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)
    refused = await api.call("POST", "/api/projects/generate", {"projectId": project_id})
    assert (refused.status, refused.body["code"]) == (409, "generation_in_progress")
    cancel = {"projectId": project_id}
    stopped = await api.ok("POST", "/api/projects/generate/cancel", cancel)
    assert stopped == {"success": True, "cancelled": True}
    assert (await status_of(api, project_id))["status"] == "cancelled"
    assert (await api.ok("POST", "/api/projects/generate/cancel", cancel))["cancelled"] is False
    while True:
        run = await api.ok("GET", f"/api/runs/{begun['runId']}")
        if run["status"] == "cancelled":
            break
        await asyncio.sleep(POLL_S)


async def test_cancelling_its_run_cancels_the_generation(api: Api) -> None:
    body = {"description": "A project that is to hang in its first step"}
    begun = await api.ok("POST", "/api/projects/generate", body)
    await api.ok("POST", f"/api/runs/{begun['runId']}/cancel")
    assert (await status_of(api, begun["projectId"]))["status"] == "cancelled"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"description": ""},
        {"description": "too short"},
        {"description": " " * 20},
        {"description": "d" * 100_001},
        {"description": DESCRIPTION, "stack": "cobol"},
        {"description": DESCRIPTION, "projectName": ""},
        {"description": DESCRIPTION, "unknown": 1},
        {"description": 7},
    ],
    ids=lambda body: str(body)[:40],
)
async def test_a_bad_request_makes_nothing(api: Api, body: dict[str, Any]) -> None:
    refused = await api.call("POST", "/api/projects/generate", body)
    assert (refused.status, refused.body["code"]) == (400, "invalid_request")
    assert (await api.ok("GET", "/api/projects"))["projects"] == []


async def test_a_key_begins_once(api: Api) -> None:
    headers = {"Idempotency-Key": "generate-1"}
    body = {"description": DESCRIPTION}
    both = await asyncio.gather(
        *(api.ok("POST", "/api/projects/generate", body, headers=headers) for _ in range(2))
    )
    assert both[0]["projectGenerationId"] == both[1]["projectGenerationId"]
    assert len((await api.ok("GET", "/api/projects"))["projects"]) == 1


async def test_a_strangers_project_is_not_there(new_person: NewPerson) -> None:
    api, stranger = await new_person(), await new_person()
    project_id = await api.project()
    path = f"/api/projects/generate/status/{project_id}"
    assert (await api.call("GET", path)).status == 404  # it was not generated
    assert (await stranger.call("GET", path)).status == 404
    body = {"projectId": project_id, "description": DESCRIPTION}
    assert (await stranger.call("POST", "/api/projects/generate", body)).status == 404
    cancel = {"projectId": project_id}
    assert (await stranger.call("POST", "/api/projects/generate/cancel", cancel)).status == 404
    never = await api.call("POST", "/api/projects/generate", cancel)
    assert (never.status, never.body["code"]) == (400, "no_description")


async def until_titled(api: Api, conversation_id: str) -> str:
    async with asyncio.timeout(20):
        while True:
            title = (await api.ok("GET", f"/api/conversations/{conversation_id}"))["title"]
            if title != "New conversation":
                return title
            await asyncio.sleep(0.1)


async def test_a_prompt_makes_a_project_with_a_name_and_is_answered(api: Api) -> None:
    headers = {"Idempotency-Key": "prompt-1"}
    path, body = "/api/projects/create-with-prompt", {"prompt": "write a file"}
    sent = await api.ok("POST", path, body, headers=headers)
    assert sent["success"] is True
    listed = await api.ok("GET", f"/api/conversations/{sent['conversationId']}/messages")
    question, placeholder = listed["messages"]
    assert (question["role"], question["content"]) == ("user", "write a file")
    assert (placeholder["role"], placeholder["messageId"]) == ("assistant", sent["messageId"])
    answer = await api.until_final(sent["messageId"])
    assert answer["status"] == "completed"
    assert (answer["projectId"], answer["conversationId"]) == (
        sent["projectId"],
        sent["conversationId"],
    )
    project = await api.ok("GET", f"/api/projects/{sent['projectId']}")
    assert [word.isalpha() for word in project["name"].split("-")] == [True] * 3
    assert await until_titled(api, sent["conversationId"]) == "I will"  # so the model says
    again = await api.ok("POST", path, body, headers=headers)
    assert again["messageId"] == sent["messageId"]
    assert len((await api.ok("GET", "/api/projects"))["projects"]) == 1


@pytest.mark.parametrize("prompt", ["", " \n", "p" * 100_001], ids=["empty", "blank", "too long"])
async def test_a_bad_prompt_makes_nothing(api: Api, prompt: str) -> None:
    refused = await api.call("POST", "/api/projects/create-with-prompt", {"prompt": prompt})
    assert (refused.status, refused.body["code"]) == (400, "invalid_request")
    assert (await api.ok("GET", "/api/projects"))["projects"] == []
