"""Conversations over HTTP."""

import asyncio
from collections.abc import Callable

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import POLL_S, Answer, Api

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product


async def test_conversations_are_listed_newest_first(api: Api) -> None:
    project = await api.project()
    path = f"/api/projects/{project}/conversations"
    made = [await api.ok("POST", path, {"title": title}) for title in ("one", "two")]
    listed = (await api.ok("GET", path))["conversations"]
    assert [entry["title"] for entry in listed] == ["two", "one"]
    assert await api.ok("GET", f"/api/conversations/{made[0]['conversationId']}") == made[0]


async def test_a_conversation_is_renamed(api: Api) -> None:
    conversation = await api.conversation()
    path = f"/api/conversations/{conversation}"
    assert (await api.ok("PATCH", path, {"title": "Prices"}))["title"] == "Prices"
    assert (await api.ok("GET", path))["title"] == "Prices"
    for title in ("", "  ", "x" * 301, None):
        assert (await api.call("PATCH", path, {"title": title})).status in {400, 422}
    assert (await api.ok("GET", path))["title"] == "Prices"


async def test_the_plan_of_an_answer_is_that_of_its_conversation(api: Api) -> None:
    conversation = await api.conversation()
    sent = await api.send(conversation, "make a plan")
    await api.until_final(sent["messageId"])
    plan = await api.ok("GET", f"/api/conversations/{conversation}/todos")
    assert plan.pop("updatedAt") > 0
    assert plan == {
        "messageId": sent["messageId"],
        "todos": [{"text": "Look", "status": "in_progress"}],
    }


async def test_a_conversation_without_a_plan_has_an_empty_one_and_a_stranger_finds_none(
    api: Api, new_person: NewPerson
) -> None:
    path = f"/api/conversations/{await api.conversation()}/todos"
    assert await api.ok("GET", path) == {"todos": []}
    stranger = await new_person()
    assert (await stranger.call("GET", path)).status == 404


async def test_a_deleted_conversation_is_gone_with_its_messages_and_stops_its_answer(
    api: Api,
) -> None:
    project = await api.project()
    kept, gone = [await api.conversation(project) for _ in range(2)]
    sent = await api.send(gone, "talk slowly")
    await api.until_streaming(sent["messageId"])
    assert await api.ok("DELETE", f"/api/conversations/{gone}") == {"success": True}
    for method, path in (
        ("GET", f"/api/conversations/{gone}"),
        ("DELETE", f"/api/conversations/{gone}"),
        ("GET", f"/api/conversations/{gone}/messages"),
    ):
        assert (await api.call(method, path)).status == 404
    listed = (await api.ok("GET", f"/api/projects/{project}/conversations"))["conversations"]
    assert [entry["conversationId"] for entry in listed] == [kept]
    await eventually(api, f"/api/messages/{sent['messageId']}", lambda it: it.status == 404)
    run = f"/api/runs/{sent['runId']}"
    await eventually(api, run, lambda it: it.body["status"] == "cancelled")


async def eventually(api: Api, path: str, holds: Callable[[Answer], bool]) -> None:
    while not holds(await api.call("GET", path)):  # noqa: ASYNC110 - it is another process
        await asyncio.sleep(POLL_S)
