"""The real `useChat` against the product; each chunk passes the schema of the `ai` package."""

from typing import Any

import pytest

from tests.support.api_client import Api
from tests.support.clients.programs import run_program

pytestmark = pytest.mark.timeout(120)

RULE = {"tool": "writeFile", "pattern": "*.txt", "policy": "ask"}


async def page(api: Api, chat_id: str, text: str, **more: Any) -> dict[str, Any]:
    given = {"url": api.url, "token": api.token, "chatId": chat_id, "text": text, "leaves": False}
    told = await run_program("usechat.ts", given | more)
    assert (told["wrong"], told["failures"], told["status"]) == ([], [], "ready")
    return told


def parts_of(told: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [part for part in told["messages"][-1]["parts"] if part["type"] == kind]


async def test_text_and_calls_are_parts_of_one_message(api: Api) -> None:
    told = await page(api, await api.conversation(), "write it")
    person, answer = told["messages"]
    assert (person["role"], answer["role"], len(told["messages"])) == ("user", "assistant", 2)
    stored = await api.message(answer["id"])
    assert [it["text"] for it in parts_of(told, "text")] == ["I will.", "Done as you asked."]
    (call,) = parts_of(told, "tool-writeFile")
    assert (call["state"], call["output"]) == (
        "output-available",
        stored["toolCalls"][0]["result"],
    )
    assert "Done as you asked." in told["text"]


async def test_a_page_that_left_resumes_and_has_all_of_the_text(api: Api) -> None:
    told = await page(api, await api.conversation(), "slowly", leaves=True)
    stored = await api.message(told["messages"][-1]["id"])
    assert stored["status"] == "completed"
    assert "".join(it["text"] for it in parts_of(told, "text")) == stored["content"] != ""


@pytest.mark.parametrize(
    ("approves", "state"), [(True, "output-available"), (False, "output-denied")]
)
async def test_an_approval_is_answered_by_the_next_request(
    api: Api, approves: bool, state: str
) -> None:
    project = await api.project()
    await api.ok("PATCH", f"/api/projects/{project}/settings", {"approvals": [RULE]})
    told = await page(api, await api.conversation(project), "write it", approves=approves)
    (call,) = parts_of(told, "tool-writeFile")
    assert (call["state"], call["approval"]["approved"]) == (state, approves)
    assert (told["requests"], len(told["messages"])) == (2, 2)
    assert parts_of(told, "text")[-1]["text"] == "Done as you asked."


async def test_approvals_of_one_step_are_answered_one_by_one_and_its_text_stays(api: Api) -> None:
    project = await api.project()
    rule = {**RULE, "pattern": "*"}
    await api.ok("PATCH", f"/api/projects/{project}/settings", {"approvals": [rule]})
    told = await page(api, await api.conversation(project), "ponder on it", approves=True)
    calls = parts_of(told, "tool-writeFile")
    assert [call["state"] for call in calls] == ["output-available"] * 2
    stored = await api.message(told["messages"][-1]["id"])
    (before, after) = parts_of(told, "text")
    assert before["text"].startswith("I make two of them. I make two")
    assert after["text"] == "Done as you asked."
    assert before["text"] + after["text"] == stored["content"].replace("\n\n", "")
    (thought,) = parts_of(told, "reasoning")
    assert thought["text"].startswith("Two files, one after the other.")
    assert (told["requests"], len(told["messages"])) == (3, 2)


async def test_a_question_is_answered_as_the_output_of_its_call(api: Api) -> None:
    told = await page(api, await api.conversation(), "ask me something", chooses="blue")
    (call,) = parts_of(told, "tool-askUser")
    assert (call["input"]["choices"], call["state"]) == (["red", "blue"], "output-available")
    assert "blue" in call["output"]
    stored = await api.message(told["messages"][-1]["id"])
    assert "blue" in stored["toolCalls"][0]["result"]
    assert parts_of(told, "text")[-1]["text"] == "Done as you asked."
    assert (told["requests"], len(told["messages"])) == (2, 2)
