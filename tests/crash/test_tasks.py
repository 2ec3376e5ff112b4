"""kill -9 while a sub-agent works, before and after: one child, one result, nothing twice."""

import asyncio
from typing import Any

import pytest

from tests.crash.conftest import HANDED, TURNS, Site
from tests.crash.test_message import Moment, at_once, turn_ended, turn_streams
from tests.support.api_client import POLL_S, Api

pytestmark = pytest.mark.timeout(120)

CHILD = "\n\n".join((*TURNS[:2], "The count is 1."))


async def post(api: Api) -> tuple[str, str]:
    project = await api.project()
    await api.ok("PUT", f"/api/projects/{project}/files/count.txt", data=b"count: 0\n")
    sent = await api.send(await api.conversation(project), HANDED)
    return project, sent["messageId"]


async def tasks_of(api: Api, message_id: str) -> list[dict[str, Any]]:
    return (await api.ok("GET", f"/api/messages/{message_id}/tasks"))["tasks"]


async def check(api: Api, project: str, message_id: str) -> None:
    answer = await api.message(message_id)
    assert (answer["status"], answer["content"]) == (
        "completed",
        "I have it done.\n\nIt is done.",
    ), answer
    assert [(each["name"], each["result"]) for each in answer["toolCalls"]] == [
        ("task", "The count is 1.")
    ]
    (task,) = await tasks_of(api, message_id)
    child = await api.message(task["messageId"])
    assert (child["status"], child["content"]) == ("completed", CHILD)
    calls = [(each["name"], each["status"]) for each in child["toolCalls"]]
    assert calls == [(name, "completed") for name in ("readFile", "writeFile", "editFile")]
    files = f"/api/projects/{project}/files"
    assert await api.ok("GET", f"{files}/count.txt") == b"count: 1\n"
    assert await api.ok("GET", f"{files}/notes/new.txt") == b"made once\n"
    listed = await api.ok("GET", f"/api/projects/{project}/conversations")
    assert len(listed["conversations"]) == 1


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(at_once, id="posted", marks=pytest.mark.thorough),
        pytest.param(turn_ended(0), id="task-is-asked-for"),
        pytest.param(turn_streams(1, 1), id="first-turn-of-the-task-streams"),
        pytest.param(turn_ended(1), id="tools-of-the-task-run"),
        pytest.param(turn_ended(2), id="edit-of-the-task-runs", marks=pytest.mark.thorough),
        pytest.param(turn_streams(3, 1), id="last-turn-of-the-task-streams"),
        pytest.param(turn_ended(3), id="task-ends"),
        pytest.param(turn_streams(4, 1), id="last-turn-streams", marks=pytest.mark.thorough),
    ],
)
async def test_one_child_and_one_result_after_a_kill(site: Site, api: Api, moment: Moment) -> None:
    project, message_id = await post(api)
    while not moment(await site.asked()):  # noqa: ASYNC110 - the model's journal has to be asked
        await asyncio.sleep(POLL_S / 4)
    site.kill()
    site.start()
    await api.until_final(message_id)
    await check(api, project, message_id)
    assert len(await site.asked()) <= 6, "only the interrupted turn may be generated again"


@pytest.mark.thorough
@pytest.mark.parametrize("delay_s", [0.1 * n for n in range(1, 16)])
async def test_one_child_and_one_result_after_a_kill_at_any_time(
    site: Site, api: Api, delay_s: float
) -> None:
    project, message_id = await post(api)
    await asyncio.sleep(delay_s)
    site.kill()
    site.start()
    await api.until_final(message_id)
    await check(api, project, message_id)


async def test_a_task_whose_answer_was_cancelled_stays_ended_after_a_kill(
    site: Site, api: Api
) -> None:
    _, message_id = await post(api)
    while not turn_streams(1, 1)(await site.asked()):  # noqa: ASYNC110 - as above
        await asyncio.sleep(POLL_S / 4)
    await api.ok("POST", "/api/messages/cancel", {"messageId": message_id})
    (task,) = await tasks_of(api, message_id)
    before = await api.message(task["messageId"])
    site.kill()
    site.start()
    await asyncio.sleep(1.0)  # time in which a run that was not ended would write
    assert before["status"] == "cancelled"
    assert await api.message(task["messageId"]) == before
    assert len(await site.asked()) == 2
    body = {"conversationId": task["conversationId"], "message": "Go on."}
    refused = await api.call("POST", "/api/messages", body)
    assert (refused.status, refused.body["code"]) == (409, "task_conversation")
    refused = await api.call("GET", "/api/messages/nobodys/tasks")
    assert (refused.status, refused.body["code"]) == (404, "not_found")
