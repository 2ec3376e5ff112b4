"""The scripted Responses server refuses what the real one does, in its words."""

from typing import Any

import pytest

from llm.scripted.dialect import Rejected
from llm.scripted.responses_rules import ENCRYPTED_MARK, check_request

SAID = {"type": "message", "role": "user", "content": "hi"}
CALL = {"type": "function_call", "call_id": "c1", "name": "readFile", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "x"}
THOUGHT: dict[str, Any] = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [],
    "encrypted_content": f"{ENCRYPTED_MARK}rs_1",
}


def request(*items: object, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "store": False, "input": list(items), **fields}


def test_what_the_real_one_accepts_is_accepted() -> None:
    check_request(request(SAID, THOUGHT, CALL, OUTPUT))
    check_request({"model": "m", "input": "hi"})


WRONG: dict[str, tuple[object, str]] = {
    "no object": ([], "parse"),
    "no model": ({"input": "hi"}, "'model'"),
    "no input": ({"model": "m", "input": []}, "'input'"),
    "a field of the other protocol": (request(SAID, messages=[]), "Unknown parameter: 'messages'"),
    "an output without its call": (request(SAID, OUTPUT), "No tool call found"),
    "a call without its output": (request(SAID, CALL), "No tool output found"),
    "an output twice": (request(SAID, CALL, OUTPUT, OUTPUT), "No tool call found"),
    "a call twice": (request(SAID, CALL, CALL, OUTPUT), "Duplicate"),
    "a thought at the end": (request(SAID, THOUGHT), "required following item"),
    "a thought before the person": (request(THOUGHT, SAID), "required following item"),
    "a thought of another": (
        request({**THOUGHT, "encrypted_content": "x"}, CALL, OUTPUT),
        "could not be verified",
    ),
    "a thought without its content": (
        request({**THOUGHT, "encrypted_content": None}, CALL, OUTPUT),
        "not persisted",
    ),
    "an item by its id": (request({**CALL, "id": "fc_1"}, OUTPUT), "not persisted"),
    "an unknown item": (request({"type": "tool_use"}), "Invalid value: 'tool_use'"),
    "a part of the other side": (
        request({**SAID, "content": [{"type": "output_text", "text": "x"}]}),
        "Invalid value: 'output_text'",
    ),
    "a name with a blank": (request({**CALL, "name": "read file"}), "pattern"),
    "a choice that is no tool": (
        request(SAID, tool_choice={"type": "function", "name": "x"}),
        "not found in 'tools'",
    ),
    "a tool of Chat Completions": (
        request(SAID, tools=[{"type": "function", "function": {"name": "x"}}]),
        "tools[0].name",
    ),
    "too few tokens": (request(SAID, max_output_tokens=1), "below minimum"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_the_real_one_refuses_is_refused(name: str) -> None:
    body, words = WRONG[name]
    with pytest.raises(Rejected) as caught:
        check_request(body)
    assert words in caught.value.message
    assert caught.value.status in {400, 404}
