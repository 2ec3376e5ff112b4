"""What only Anthropic's protocol has: signed thoughts and breakpoints of the prompt cache."""

from typing import Any

import pytest

from llm.catalog import Catalog, ModelFacts
from llm.faults import ModelRefused
from llm.model import (
    AssistantMessage,
    ModelRequest,
    TextPart,
    ThinkingPart,
    ToolCall,
    ToolResult,
    UserMessage,
)
from tests.support.provider import said, wire_server
from tests.support.scripted_model import READ_FILE, Play, Scripted, ask, model_at

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


async def test_the_same_request_is_not_sent_twice_for_thoughts_that_were_not_in_it(
    play_anthropic: Play,
) -> None:
    fault = {"kind": "status", "status": 400, "message": "thinking: not supported"}
    scripted = await play_anthropic({"fault": fault})
    history = (
        UserMessage((TextPart("a"),)),
        AssistantMessage((ThinkingPart("unsigned", ""), TextPart("b"))),
        UserMessage((TextPart("c"),)),
    )
    with pytest.raises(ModelRefused, match="not supported"):
        await scripted.turn(ModelRequest("", history))
    assert len(await scripted.server.requests()) == 1


async def test_unsigned_thoughts_go_back_where_the_catalog_says_so() -> None:
    """DeepSeek's Messages want each thought back and sign none."""
    facts = ModelFacts(context_window=9, max_output_tokens=9, reasoning_back="thinking")
    catalog = Catalog({"anthropic/": facts})
    history = (
        UserMessage((TextPart("a"),)),
        AssistantMessage((ThinkingPart("hm", ""), TextPart("b"))),
        UserMessage((TextPart("c"),)),
    )
    async with (
        wire_server(said(400, {})) as server,
        model_at("anthropic", server.url, catalog=catalog) as model,
    ):
        with pytest.raises(ModelRefused):
            await anext(model.stream(ModelRequest("", history)))
    assert server.requests[0]["messages"][1]["content"][0] == {
        "type": "thinking",
        "thinking": "hm",
        "signature": "",
    }


async def test_the_effort_goes_where_the_api_has_it() -> None:
    catalog = Catalog.default().with_effort("anthropic/claude-opus-5-5", "low")
    async with (
        wire_server(said(400, {})) as server,
        model_at("anthropic", server.url, catalog=catalog) as model,
    ):
        with pytest.raises(ModelRefused):
            await anext(model.stream(ask()))
    assert server.requests[0]["output_config"] == {"effort": "low"}


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
