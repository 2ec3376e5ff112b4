"""Budgets as the operator sets them: for an answer, and for a person's day."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import POLL_S, Api, local_user
from tests.support.product import Program, disposable

pytestmark = pytest.mark.timeout(60)  # the first test starts the product


@pytest.fixture(scope="module")
def bounded(
    local_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    env = {**local_env, "POLARIS_ANSWER_BUDGET_TOKENS": "1", "POLARIS_DAY_BUDGET_USD": "0.005"}
    env["POLARIS_RAISABLE_BUDGETS"] = "none"
    with disposable(["dev"], folder=tmp_path_factory.mktemp("bounded"), env=env) as program:
        yield program


@pytest.fixture
async def person(bounded: Program) -> AsyncIterator[Api]:
    async with local_user(bounded) as person:
        yield person


async def test_an_answer_and_then_the_day_are_used_up(person: Api) -> None:
    project = await person.project()
    conversation = await person.conversation(project)
    answer = await person.until_final(
        (await person.send(conversation, "write the file"))["messageId"]
    )
    assert (answer["status"], answer["endedEarly"]) == ("completed", "answer_budget")
    assert "“continue”" in answer["content"]
    assert await person.ok("GET", f"/api/projects/{project}/files/made.txt") == b"by me\n"
    answer = await person.until_final((await person.send(conversation, "continue"))["messageId"])
    assert (answer["status"], answer["endedEarly"]) == ("completed", "day_budget")
    assert "tomorrow" in answer["content"]


async def asked(person: Api, budget: object) -> dict[str, Any]:
    """What is asked for in a conversation of that budget."""
    conversation = await person.conversation(await person.project())
    path = f"/api/conversations/{conversation}"
    assert (await person.ok("PATCH", path, {"budget": budget}))["budget"] == budget
    await person.send(conversation, "write the file")
    while True:
        asks = (await person.ok("GET", f"{path}/asks"))["asks"]
        if asks:
            return asks[0]
        await asyncio.sleep(POLL_S)


async def test_who_has_used_up_a_budget_is_asked_and_goes_on(new_person: NewPerson) -> None:
    owner, stranger = await new_person(), await new_person()
    ask = await asked(owner, {"tokens": 1, "usd": 100.0})
    spent = ask["budget"].pop("spentTokens")
    assert spent > 1
    assert (ask["kind"], ask["status"]) == ("budget", "open")
    ask["budget"].pop("spentUsd", None)
    assert ask["budget"] == {"of": "conversation", "tokens": 1, "usd": 100}
    path = f"/api/asks/{ask['askId']}/answer"
    more = {"decision": "allow", "moreTokens": 100_000}
    assert (await stranger.call("POST", path, more)).status == 404
    refused = await owner.call("POST", path, {"decision": "allow", "moreUsd": 1})
    assert (refused.status, refused.body["code"]) == (400, "bad_answer")
    assert "moreTokens" in refused.body["error"]
    assert (await owner.ok("POST", path, more))["answer"] == more
    assert (await owner.call("POST", path, more)).status == 409
    answer = await owner.until_final(ask["messageId"])
    assert (answer["status"], answer.get("endedEarly")) == ("completed", None)
    conversation = await owner.ok("GET", f"/api/conversations/{ask['conversationId']}")
    assert conversation["budget"] == {"tokens": spent + 100_000, "usd": 100}
    back = await owner.ok("PATCH", f"/api/conversations/{ask['conversationId']}", {"budget": None})
    assert "budget" not in back


async def test_who_gives_no_more_has_the_answer_ended(api: Api) -> None:
    ask = await asked(api, {"tokens": 1})
    await api.ok("POST", f"/api/asks/{ask['askId']}/answer", {"decision": "deny"})
    answer = await api.until_final(ask["messageId"])
    assert (answer["status"], answer["endedEarly"]) == ("completed", "conversation_budget")


@pytest.mark.parametrize(
    ("budget", "code"),
    [
        ({}, "bad_budget"),
        ({"tokens": -1}, "invalid_request"),
        ({"tokens": 1.5}, "invalid_request"),
        ({"usd": "much"}, "invalid_request"),
        ({"usd": 1e12}, "invalid_request"),
        ({"euros": 1}, "invalid_request"),
        (7, "invalid_request"),
    ],
    ids=str,
)
async def test_what_is_no_budget_is_refused(api: Api, budget: object, code: str) -> None:
    path = f"/api/conversations/{await api.conversation(await api.project())}"
    refused = await api.call("PATCH", path, {"budget": budget})
    assert (refused.status, refused.body["code"]) == (400, code)
    assert "budget" not in await api.ok("GET", path)


async def test_a_budget_that_is_none_stops_the_start(
    local_env: dict[str, str], tmp_path: Path
) -> None:
    with (
        pytest.raises(Exception, match="POLARIS_DAY_BUDGET_TOKENS"),
        disposable(["dev"], folder=tmp_path, env={**local_env, "POLARIS_DAY_BUDGET_TOKENS": "-1"}),
    ):
        pass
