"""kill -9 while a run waits for its person, and right after they answered: it asks once."""

import asyncio
from typing import Any

import pytest

from tests.crash.conftest import ASKED, Site
from tests.support.api_client import POLL_S, Api

pytestmark = pytest.mark.timeout(120)


async def asks_of(api: Api, conversation: str) -> list[dict[str, Any]]:
    return (await api.ok("GET", f"/api/conversations/{conversation}/asks"))["asks"]


async def open_ask(api: Api, conversation: str, kind: str) -> dict[str, Any]:
    """Once it is there."""
    while True:
        for ask in await asks_of(api, conversation):
            if (ask["status"], ask["kind"]) == ("open", kind):
                return ask
        await asyncio.sleep(POLL_S)


def again(site: Site) -> None:
    site.kill()
    site.start()


async def test_nothing_is_lost_or_asked_twice_by_kills(site: Site, api: Api) -> None:
    project = await api.project()
    rule = {"tool": "writeFile", "pattern": "src/**", "policy": "ask"}
    await api.ok("PATCH", f"/api/projects/{project}/settings", {"approvals": [rule]})
    conversation = await api.conversation(project)
    message_id = (await api.send(conversation, ASKED))["messageId"]

    question = await open_ask(api, conversation, "question")
    assert (question["question"], question["choices"]) == ("Which name?", ["a", "b"])
    again(site)  # while it waits
    assert await open_ask(api, conversation, "question") == question
    answer = f"/api/asks/{question['askId']}/answer"
    await api.ok("POST", answer, {"choice": "b"})
    again(site)  # right after the answer

    approval = await open_ask(api, conversation, "approval")
    assert (approval["toolName"], approval["paths"]) == ("writeFile", ["src/b.txt"])
    assert approval["rule"] == rule
    again(site)
    assert await open_ask(api, conversation, "approval") == approval
    await api.ok("POST", f"/api/asks/{approval['askId']}/answer", {"decision": "allow"})
    again(site)

    message = await api.until_final(message_id)
    assert message["status"] == "completed", message
    calls = [(call["name"], call["status"]) for call in message["toolCalls"]]
    assert calls == [("askUser", "completed"), ("writeFile", "completed")]
    assert await api.ok("GET", f"/api/projects/{project}/files/src/b.txt") == b"made once\n"
    states = [ask["status"] for ask in await asks_of(api, conversation)]
    assert states == ["answered", "answered"]
    refused = await api.call("POST", answer, {"choice": "a"})
    assert (refused.status, refused.body["code"]) == (409, "already_answered")
    assert len(await site.asked()) == 3


async def test_a_cancel_while_it_waits_holds_after_a_kill(site: Site, api: Api) -> None:
    conversation = await api.conversation(await api.project())
    message_id = (await api.send(conversation, ASKED))["messageId"]
    question = await open_ask(api, conversation, "question")
    await api.ok("POST", "/api/messages/cancel", {"messageId": message_id})
    again(site)
    (ask,) = await asks_of(api, conversation)
    assert ask["status"] == "closed"
    refused = await api.call("POST", f"/api/asks/{question['askId']}/answer", {"choice": "a"})
    assert (refused.status, refused.body["code"]) == (409, "ask_closed")
    assert (await api.message(message_id))["status"] == "cancelled"
