"""What only Anthropic's protocol has: signed thoughts and breakpoints of the prompt cache."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from llm.anthropic_messages import AnthropicModel
from llm.faults import ModelRefused, StreamBroken
from llm.model import (
    AssistantMessage,
    ModelEvent,
    ModelRequest,
    StopReason,
    TextPart,
    ThinkingPart,
    ToolCall,
    ToolResult,
    TurnEnded,
    UserMessage,
)
from llm.retry import Patience
from tests.llm.conftest import API_KEY, READ_FILE, Play, Scripted, ask

CALL = {"name": "readFile", "arguments": {"path": "a"}}
THINKS_THEN_ANSWERS: tuple[dict[str, Any], ...] = (
    {"when": {"tool_results": 0}, "reply": {"thinking": "look first", "tool_calls": [CALL]}},
    {"reply": {"text": "seen"}},
)


async def after_one_call(scripted: Scripted) -> ModelRequest:
    """The request that brings the result of the first turn's call."""
    first = ask("read it", tools=(READ_FILE,))
    _, turn = await scripted.turn(first)
    (call,) = [part for part in turn.message.parts if isinstance(part, ToolCall)]
    results = UserMessage((ToolResult(call.call_id, "text of a"),))
    return ModelRequest(first.system, (*first.messages, turn.message, results), first.tools)


async def test_a_thought_goes_back_with_its_signature_and_is_accepted(
    play_anthropic: Play,
) -> None:
    scripted = await play_anthropic(*THINKS_THEN_ANSWERS)
    await scripted.turn(await after_one_call(scripted))
    body = await scripted.body()
    assert body["messages"][1]["content"][0]["type"] == "thinking"
    assert body["messages"][1]["content"][0]["thinking"] == "look first"
    assert len(await scripted.server.requests()) == 2


async def test_thoughts_that_the_provider_no_longer_accepts_are_left_out(
    play_anthropic: Play,
) -> None:
    """A shortened history changes what stood before a thought: the API refuses it with a 400."""
    scripted = await play_anthropic(*THINKS_THEN_ANSWERS)
    request = await after_one_call(scripted)
    shortened = (UserMessage((TextPart("shortened"),)), *request.messages[1:])
    _, turn = await scripted.turn(ModelRequest(request.system, shortened, request.tools))
    assert turn.message.parts == (TextPart("seen"),)
    _, refused, answered = await scripted.server.requests()
    assert refused["status"] == 400
    kinds = [block["type"] for block in answered["body"]["messages"][1]["content"]]
    assert kinds == ["tool_use"]


async def test_a_refusal_that_names_thoughts_is_final_when_there_are_none(
    play_anthropic: Play,
) -> None:
    message = "thinking: Input tag 'adaptive' is not supported by this model"
    fault = {"kind": "status", "status": 400, "message": message}
    scripted = await play_anthropic({"fault": fault})
    with pytest.raises(ModelRefused, match="not supported by this model"):
        await scripted.turn(ask())
    assert len(await scripted.server.requests()) == 1


async def test_thoughts_of_other_providers_are_not_sent(play_anthropic: Play) -> None:
    scripted = await play_anthropic({"text": "ok"})
    history = (
        UserMessage((TextPart("a"),)),
        AssistantMessage((ThinkingPart("unsigned", ""), TextPart("b"))),
        UserMessage((TextPart("c"),)),
    )
    await scripted.turn(ModelRequest("", history))
    (request,) = await scripted.server.requests()
    assert [part["type"] for part in request["body"]["messages"][1]["content"]] == ["text"]


async def test_a_redacted_thought_goes_back_as_it_came(play_anthropic: Play) -> None:
    scripted = await play_anthropic({"text": "ok"})
    history = (
        UserMessage((TextPart("a"),)),
        AssistantMessage((ThinkingPart("", "encrypted", redacted=True), TextPart("b"))),
        UserMessage((TextPart("c"),)),
    )
    await scripted.turn(ModelRequest("", history))
    block = (await scripted.body())["messages"][1]["content"][0]
    assert block == {"type": "redacted_thinking", "data": "encrypted"}


async def test_breakpoints_stand_on_tools_system_and_the_last_user_messages(
    play_anthropic: Play,
) -> None:
    scripted = await play_anthropic(*THINKS_THEN_ANSWERS)
    await scripted.turn(await after_one_call(scripted))
    body = await scripted.body()
    marked = {"type": "ephemeral"}
    assert body["tools"][-1]["cache_control"] == marked
    assert body["system"][-1]["cache_control"] == marked
    assert [message["content"][-1].get("cache_control") for message in body["messages"]] == [
        marked,
        None,
        marked,
    ]


async def test_a_turn_of_many_calls_still_reads_the_cache(play_anthropic: Play) -> None:
    """The provider looks back 20 blocks: one breakpoint alone would miss after a wide fan-out."""
    calls = [{"name": "readFile", "arguments": {"path": f"f{n}"}} for n in range(30)]
    scripted = await play_anthropic(
        {"when": {"tool_results": 0}, "reply": {"tool_calls": calls}}, {"text": "done"}
    )
    first = ModelRequest("s", (UserMessage((TextPart("long " * 2_000),)),), (READ_FILE,))
    _, turn = await scripted.turn(first)
    parts = [part for part in turn.message.parts if isinstance(part, ToolCall)]
    results = UserMessage(tuple(ToolResult(part.call_id, "x") for part in parts))
    _, second = await scripted.turn(
        ModelRequest(first.system, (*first.messages, turn.message, results), first.tools)
    )
    assert second.usage.cache_read_tokens > 2_000
    assert second.usage.cache_write_tokens > 0


async def test_an_answer_longer_than_the_model_can_write_is_not_asked_for(
    play_anthropic: Play,
) -> None:
    scripted = await play_anthropic({"text": "ok"})
    await scripted.turn(ModelRequest("", ask().messages, max_output_tokens=10_000_000))
    body = await scripted.body()
    assert body["max_tokens"] == 128_000
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert body["stream"] is True


@asynccontextmanager
async def server_that_sends(*events: dict[str, Any]) -> AsyncGenerator[str]:
    """A provider that streams these events after `message_start`; gives its base URL."""
    usage = {"input_tokens": 1, "output_tokens": 1}
    message: dict[str, Any] = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
    }
    start: dict[str, Any] = {"type": "message_start", "message": {**message, "usage": usage}}

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in (start, *events):
            data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
            await response.write(data.encode())
        return response

    app = web.Application()
    app.router.add_post("/v1/messages", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


CALL_STARTS: dict[str, Any] = {
    "type": "content_block_start",
    "index": 0,
    "content_block": {"type": "tool_use", "id": "c1", "name": "readFile", "input": {}},
}
CALL_GROWS: dict[str, Any] = {
    "type": "content_block_delta",
    "index": 0,
    "delta": {"type": "input_json_delta", "partial_json": '{"path": "a"}'},
}
CALL_STOPS = {"type": "content_block_stop", "index": 0}
STOP = {"type": "message_stop"}


def ended(reason: str | None) -> dict[str, Any]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 3}}


async def read(*events: dict[str, Any]) -> ModelEvent:
    """The last event that the adapter makes of these."""
    async with (
        server_that_sends(*events) as url,
        AnthropicModel(
            "m", api_key=API_KEY, base_url=url, patience=Patience(attempts=1, idle_s=2)
        ) as model,
    ):
        return [event async for event in model.stream(ask(tools=(READ_FILE,)))][-1]


async def test_a_call_whose_block_never_stopped_is_dropped() -> None:
    last = await read(CALL_STARTS, CALL_GROWS, ended("tool_use"), STOP)
    assert isinstance(last, TurnEnded)
    assert last.turn.message.parts == ()
    assert last.turn.dropped_calls == ("readFile",)


async def test_an_end_without_a_reason_is_no_end() -> None:
    """Trap 2: the SDK raises nothing."""
    with pytest.raises(StreamBroken):
        await read(CALL_STARTS, CALL_GROWS, CALL_STOPS, ended(None), STOP)


async def test_a_delta_without_its_block_is_broken() -> None:
    with pytest.raises(StreamBroken, match="no event"):
        await read(CALL_STARTS, {**CALL_GROWS, "index": 7}, ended("tool_use"), STOP)


async def test_new_kinds_of_event_and_reason_do_no_harm() -> None:
    last = await read(
        {"type": "weather_report", "sky": "clear"},
        CALL_STARTS,
        CALL_GROWS,
        CALL_STOPS,
        ended("a_new_reason"),
        STOP,
    )
    assert isinstance(last, TurnEnded)
    assert last.turn.stop_reason is StopReason.MAX_TOKENS
    assert len(last.turn.message.parts) == 1
