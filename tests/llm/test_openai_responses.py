"""What only OpenAI's Responses has: items, and thoughts that go back encrypted."""

from dataclasses import replace
from typing import Any

import pytest

from core.ids import ToolCallId
from llm.catalog import ModelFacts
from llm.faults import Overloaded, PromptTooLong, RateLimited
from llm.model import (
    UNSEEN,
    AssistantMessage,
    Image,
    ModelRequest,
    StopReason,
    TextPart,
    ThinkingPart,
    ToolCall,
    ToolResult,
    TurnEnded,
    UserMessage,
)
from llm.providers import OPENAI
from llm.responses_request import request_body
from llm.retry import Patience
from tests.support.provider import events, wire_server
from tests.support.scripted_model import READ_FILE, Play, ask, model_at

ONCE = Patience(attempts=1, idle_s=5)
PNG = Image("image/png", "aGVsbG8=")
URL = "data:image/png;base64,aGVsbG8="
CALL = {"name": "readFile", "arguments": {"path": "a"}}


def body_of(*messages: UserMessage | AssistantMessage, **facts: Any) -> dict[str, Any]:
    known = ModelFacts(context_window=9, max_output_tokens=99, **facts)
    request = ModelRequest("Be brief.", messages, cache_key="k")
    return request_body(request, model="m", facts=known, provider=OPENAI)


async def test_a_thought_goes_back_with_its_proof_before_the_call_that_it_led_to(
    play_responses: Play,
) -> None:
    scripted = await play_responses(
        {"when": {"tool_results": 0}, "reply": {"thinking": "hm", "tool_calls": [CALL]}},
        {"text": "ok"},
    )
    first = ask(tools=(READ_FILE,))
    _, turn = await scripted.turn(first)
    call = turn.message.parts[-1]
    assert isinstance(call, ToolCall)
    result = UserMessage((ToolResult(call.call_id, "one"),))
    await scripted.turn(replace(first, messages=(*first.messages, turn.message, result)))
    body = await scripted.body()
    assert (body["store"], body["include"]) == (False, ["reasoning.encrypted_content"])
    said, thought, made, output = body["input"]
    assert said["content"] == [{"type": "input_text", "text": "hello"}]
    assert thought["summary"] == [{"type": "summary_text", "text": "hm"}]
    assert thought["encrypted_content"] == f"scripted-thought:{thought['id']}"
    assert made["call_id"] == output["call_id"] == call.call_id
    assert "id" not in made, "nothing is stored: the provider could not find it"


async def test_a_thought_that_is_rejected_is_left_out_and_those_of_others_always_are(
    play_responses: Play,
) -> None:
    scripted = await play_responses({"text": "ok"})
    proof = '{"id": "rs_1", "encrypted_content": "of another account"}'
    for signature in (proof, "EuYBCkQYAiJA", ""):
        thought = ThinkingPart("hm", signature)
        history = (
            UserMessage((TextPart("go"),)),
            AssistantMessage((thought, TextPart("went"))),
            UserMessage((TextPart("on"),)),
        )
        _, turn = await scripted.turn(ModelRequest("", history))
        assert turn.message.parts == (TextPart("ok"),)
        assert [item["type"] for item in (await scripted.body())["input"]] == ["message"] * 3
    assert [each["status"] for each in await scripted.server.requests()] == [400, 200, 200, 200]


def test_images_stand_where_they_were_shown_and_the_blind_are_told() -> None:
    call_id = ToolCallId("c1")
    asked = UserMessage((PNG, TextPart("See?")))
    called = AssistantMessage((ToolCall(call_id, "readFile", {}),))
    result = UserMessage((ToolResult(call_id, "a PNG", images=(PNG,)),))
    image = {"type": "input_image", "image_url": URL, "detail": "auto"}
    first, _, output = body_of(asked, called, result, sees=True)["input"]
    assert first["content"] == [image, {"type": "input_text", "text": "See?"}]
    assert output["output"] == [{"type": "input_text", "text": "a PNG"}, image]
    first, _, output = body_of(asked, called, result)["input"]
    assert [part["text"] for part in first["content"]] == [UNSEEN, "See?"]
    assert output["output"] == "a PNG"


def test_what_the_table_says_of_thinking_is_asked_for() -> None:
    said = UserMessage((TextPart("hi"),))
    plain = body_of(said)
    assert not plain.keys() & {"reasoning", "include"}
    assert (plain["instructions"], plain["prompt_cache_key"]) == ("Be brief.", "k")
    asked = body_of(said, reasoning_effort="high", thinking="adaptive")
    assert asked["reasoning"] == {"effort": "high", "summary": "auto"}


FAULTS = [
    ({"code": "rate_limit_exceeded", "message": "Please try again in 20s."}, RateLimited),
    ({"code": "server_is_overloaded", "message": "We are overloaded."}, Overloaded),
    (
        {"code": "context_length_exceeded", "message": "Your input exceeds the context window."},
        PromptTooLong,
    ),
]


@pytest.mark.parametrize(("error", "expected"), FAULTS, ids=lambda it: str(it)[:30])
@pytest.mark.parametrize("kind", ["error", "nested", "response.failed"])
async def test_a_fault_in_the_stream_is_what_it_is(
    kind: str, error: dict[str, str], expected: type[Exception]
) -> None:
    frame: dict[str, Any] = {
        "error": {"type": "error", **error},
        "nested": {"type": "error", "error": error},
        "response.failed": {"type": kind, "response": {"status": "failed", "error": error}},
    }[kind]
    async with (
        wire_server(events("responses", [frame])) as server,
        model_at("responses", server.url, ONCE) as model,
    ):
        with pytest.raises(expected):
            await anext(model.stream(ask()))


async def test_a_refusal_and_an_answer_that_only_the_end_has_are_read() -> None:
    content = [{"type": "refusal", "refusal": "No."}]
    response = {"status": "completed", "output": [{"type": "message", "content": content}]}
    frames = [{"type": "response.completed", "response": response}]
    async with (
        wire_server(events("responses", frames)) as server,
        model_at("responses", server.url, ONCE) as model,
    ):
        *_, last = [event async for event in model.stream(ask())]
    assert isinstance(last, TurnEnded)
    assert last.turn.message.parts == (TextPart("No."),)
    assert last.turn.stop_reason is StopReason.REFUSAL
