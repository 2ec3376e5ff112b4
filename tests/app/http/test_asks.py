"""Questions and approvals over HTTP: listed, answered once, by the owner only."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import POLL_S, Api, api_at
from tests.support.product import Program

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product

RULE = {"tool": "writeFile", "pattern": "*.txt", "policy": "ask"}


async def asked(api: Api, text: str, *rules: object) -> tuple[dict[str, Any], str]:
    """What the agent asks then, and the path of its answer."""
    project = await api.project()
    if rules:
        settings = f"/api/projects/{project}/settings"
        assert (await api.ok("PATCH", settings, {"approvals": rules}))["approvals"] == list(rules)
    conversation = await api.conversation(project)
    await api.send(conversation, text)
    while True:
        asks = (await api.ok("GET", f"/api/conversations/{conversation}/asks"))["asks"]
        if asks:
            return asks[0], f"/api/asks/{asks[0]['askId']}/answer"
        await asyncio.sleep(POLL_S)


async def test_a_question_is_answered_once_by_its_owner(new_person: NewPerson) -> None:
    owner, stranger = await new_person(), await new_person()
    ask, path = await asked(owner, "ask me something")
    assert (ask["kind"], ask["status"], ask["choices"]) == ("question", "open", ["red", "blue"])
    assert ask["expiresAt"] > ask["_creationTime"]
    for body in ({"choice": "red"}, {}):
        assert (await stranger.call("POST", path, body)).status == 404
    listing = f"/api/conversations/{ask['conversationId']}/asks"
    assert (await stranger.call("GET", listing)).status == 404
    answered = await owner.ok("POST", path, {"choice": "red"})
    assert (answered["status"], answered["answer"]) == ("answered", {"choice": "red"})
    refused = await owner.call("POST", path, {"choice": "blue"})
    assert (refused.status, refused.body["code"]) == (409, "already_answered")
    message = await owner.until_final(ask["messageId"])
    assert [call["status"] for call in message["toolCalls"]] == ["completed"]


async def test_a_page_answers_over_convex_and_the_run_goes_on(
    new_person: NewPerson, product_with: Callable[[str], Program]
) -> None:
    owner = await new_person()
    ask, _ = await asked(owner, "ask me something")
    async with api_at(product_with("cancel").ready["convex"], owner.owner, owner.token) as convex:

        async def run(kind: str, path: str, args: object) -> Any:
            body = {"path": path, "args": args, "format": "json"}
            return await convex.ok("POST", f"/api/{kind}", body)

        in_it = {"conversationId": ask["conversationId"]}
        (shown,) = (await run("query", "asks:list", in_it))["value"]
        assert (shown["_id"], shown["status"]) == (ask["askId"], "open")
        answer = {"askId": ask["askId"], "answer": {"choice": "blue"}}
        assert (await run("mutation", "asks:answer", answer))["status"] == "success"
        assert (await run("mutation", "asks:answer", answer))["status"] == "error"
    message = await owner.until_final(ask["messageId"])
    assert message["status"] == "completed"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"choice": "green"}, "bad_answer"),
        ({}, "bad_answer"),
        ({"decision": "allow"}, "bad_answer"),
        ({"decision": "perhaps"}, "invalid_request"),
        ({"choice": 7}, "invalid_request"),
        ({"text": "x" * 10_001}, "invalid_request"),
        ({"answer": "red"}, "invalid_request"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_is_no_answer_is_refused_and_the_question_stays(
    api: Api, body: object, code: str
) -> None:
    ask, path = await asked(api, "ask me something")
    refused = await api.call("POST", path, body)
    assert (refused.status, refused.body["code"]) == (400, code)
    await api.ok("POST", path, {"text": "green"}, headers={"Idempotency-Key": "k"})
    again = await api.ok("POST", path, {"text": "green"}, headers={"Idempotency-Key": "k"})
    assert again["answer"] == {"text": "green"}
    await api.until_final(ask["messageId"])


async def test_an_approval_for_always_is_a_rule_of_the_project(api: Api) -> None:
    ask, path = await asked(api, "write", RULE)
    assert (ask["kind"], ask["toolName"], ask["paths"]) == ("approval", "writeFile", ["made.txt"])
    await api.ok("POST", path, {"decision": "allow", "scope": "always"})
    assert (await api.until_final(ask["messageId"]))["status"] == "completed"
    settings = await api.ok("GET", f"/api/projects/{ask['projectId']}/settings")
    allowed = {"tool": "writeFile", "pattern": "/made.txt", "policy": "allow"}
    assert settings["approvals"] == [allowed, RULE]


async def test_after_the_end_and_in_what_is_deleted_there_is_nothing_to_answer(api: Api) -> None:
    ask, path = await asked(api, "ask me something")
    await api.ok("POST", "/api/messages/cancel", {"messageId": ask["messageId"]})
    refused = await api.call("POST", path, {"choice": "red"})
    assert (refused.status, refused.body["code"]) == (409, "ask_closed")
    await api.ok("DELETE", f"/api/projects/{ask['projectId']}")
    assert (await api.call("POST", path, {"choice": "red"})).status == 404
    for unknown in ("nonsense", ask["messageId"]):
        assert (
            await api.call("POST", f"/api/asks/{unknown}/answer", {"choice": "a"})
        ).status == 404


@pytest.mark.parametrize(
    "rule",
    [
        {"tool": "writeFile", "policy": "perhaps"},
        {"tool": "", "policy": "ask"},
        {"tool": "writeFile", "pattern": "../x", "policy": "ask"},
        {"tool": "writeFile", "pattern": "x" * 401, "policy": "ask"},
        {"policy": "ask"},
    ],
    ids=str,
)
async def test_what_is_no_rule_is_refused(api: Api, rule: object) -> None:
    path = f"/api/projects/{await api.project()}/settings"
    assert (await api.call("PATCH", path, {"approvals": [rule]})).status == 400
    assert "approvals" not in await api.ok("GET", path)
