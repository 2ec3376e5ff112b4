"""Where providers of OpenAI's protocol differ from each other and from OpenAI."""

import json
from typing import Any

import pytest

from core.clock import SystemClock
from core.ids import ToolCallId
from llm.catalog import Catalog, ModelFacts
from llm.faults import ModelRefused
from llm.model import (
    AssistantMessage,
    ModelEvent,
    ModelRequest,
    StopReason,
    TextDelta,
    TextPart,
    ThinkingDelta,
    ThinkingPart,
    ToolCall,
    ToolCallStarted,
    ToolResult,
    Turn,
    TurnEnded,
    UserMessage,
)
from llm.openai_chat import OpenAIModel
from llm.openai_reading import OpenAIReading
from llm.providers import OLLAMA, OPENAI, Provider
from llm.scripted.process import scripted_here
from tests.support.provider import events, said, wire_server
from tests.support.scripted_model import API_KEY, QUICK, READ_FILE, Play, ask, model_at, scenario

READ_FILE_ID = ToolCallId("call_1")


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """A chunk as a lean provider sends it."""
    return {"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


async def turn_of(*chunks: dict[str, Any]) -> tuple[list[ModelEvent], Turn]:
    """What the adapter makes of the chunks."""
    async with (
        wire_server(events("openai", [*chunks, "data: [DONE]\n\n"])) as server,
        OpenAIModel(
            "m", api_key=API_KEY, provider=OLLAMA.at(f"{server.url}/v1"), patience=QUICK
        ) as model,
    ):
        seen = [event async for event in model.stream(ask(tools=(READ_FILE,)))]
    last = seen.pop()
    assert isinstance(last, TurnEnded)
    return seen, last.turn


def call_piece(call_id: str | None, name: str | None, text: str, index: int = 0) -> dict[str, Any]:
    """A piece of a tool call."""
    function = {"arguments": text, **({"name": name} if name else {})}
    piece = {"index": index, "function": function, **({"id": call_id} if call_id else {})}
    return {"tool_calls": [piece]}


async def test_calls_that_share_one_index_stay_apart() -> None:
    seen, turn = await turn_of(
        chunk(call_piece("c1", "readFile", '{"path": "a"}')),
        chunk(call_piece("c2", "readFile", '{"path": "b"}')),
        chunk({}, "tool_calls"),
    )
    calls = [part for part in turn.message.parts if isinstance(part, ToolCall)]
    assert [(call.call_id, call.arguments["path"]) for call in calls] == [("c1", "a"), ("c2", "b")]
    assert len([event for event in seen if isinstance(event, ToolCallStarted)]) == 2


async def test_an_id_repeated_with_each_piece_is_one_call() -> None:
    _, turn = await turn_of(
        chunk(call_piece("c1", "readFile", '{"pa')),
        chunk(call_piece("c1", "readFile", 'th": "a"}')),
        chunk({}, "tool_calls"),
    )
    (call,) = turn.message.parts
    assert isinstance(call, ToolCall)
    assert call.arguments == {"path": "a"}


async def test_pieces_of_two_calls_may_come_mixed() -> None:
    _, turn = await turn_of(
        chunk(call_piece("c1", "readFile", '{"path"', 0)),
        chunk(call_piece("c2", "readFile", '{"path"', 1)),
        chunk(call_piece(None, None, ': "a"}', 0)),
        chunk(call_piece(None, None, ': "b"}', 1)),
        chunk({}, "tool_calls"),
    )
    calls = [part for part in turn.message.parts if isinstance(part, ToolCall)]
    assert [call.arguments["path"] for call in calls] == ["a", "b"]


async def test_a_call_without_an_id_gets_one() -> None:
    _, turn = await turn_of(chunk(call_piece(None, "readFile", "{}")), chunk({}, "tool_calls"))
    (call,) = turn.message.parts
    assert isinstance(call, ToolCall)
    assert call.call_id.startswith("call_")


async def test_calls_that_end_with_stop_are_calls() -> None:
    _, turn = await turn_of(chunk(call_piece("c1", "readFile", "{}")), chunk({}, "stop"))
    assert turn.stop_reason is StopReason.TOOL_CALLS


async def test_an_unknown_finish_reason_does_not_count_as_whole() -> None:
    _, turn = await turn_of(chunk({"content": "a"}), chunk({}, "something_new"))
    assert turn.stop_reason is StopReason.MAX_TOKENS


async def test_reasoning_of_openrouter_is_thinking() -> None:
    seen, turn = await turn_of(
        chunk({"reasoning": "hm"}), chunk({"content": "a"}), chunk({}, "stop")
    )
    assert seen[0] == ThinkingDelta("hm")
    assert turn.message.parts == (ThinkingPart("hm", ""), TextPart("a"))


async def test_an_answer_without_usage_counts_nothing() -> None:
    _, turn = await turn_of(chunk({"content": "a"}), chunk({}, "stop"))
    assert turn.usage.input_tokens == 0
    assert turn.usage.output_tokens == 0


async def test_the_limit_has_the_name_that_the_provider_knows() -> None:
    fields: dict[str, set[str]] = {}
    for provider in (OPENAI, OLLAMA, Provider("mine", "", "Mine")):
        async with (
            scripted_here(scenario({"text": "x"})) as server,
            OpenAIModel("m", api_key=API_KEY, provider=provider.at(server.openai_url)) as model,
        ):
            assert [event async for event in model.stream(ask())]
            body = (await server.requests())[0]["body"]
            fields[provider.name] = {"max_tokens", "max_completion_tokens"} & set(body)
    assert fields == {
        "openai": {"max_completion_tokens"},
        "ollama": {"max_tokens"},
        "mine": {"max_tokens"},
    }


async def test_results_come_before_the_text_and_errors_say_so(play_openai: Play) -> None:
    scripted = await play_openai({"text": "ok"})
    history = (
        UserMessage((TextPart("a"),)),
        AssistantMessage(
            (
                ThinkingPart("secret", "signature"),
                ToolCall(READ_FILE_ID, "readFile", {"path": "é"}),
            )
        ),
        UserMessage((ToolResult(READ_FILE_ID, "no such file", is_error=True), TextPart("go on"))),
    )
    await scripted.turn(ModelRequest("", history, (READ_FILE,)))
    messages = (await scripted.body())["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "user"]
    assert messages[1]["content"] is None
    assert messages[1]["tool_calls"][0]["function"]["arguments"] == '{"path": "é"}'
    assert messages[2]["content"] == "Error: no such file"
    assert "secret" not in json.dumps(messages)


def test_a_character_in_two_deltas_is_joined() -> None:
    reading = OpenAIReading(provider="ollama", asked="ollama/m", now=SystemClock().now())
    said = [chunk({"content": "a\ud83d"}), chunk({"content": "\ude00b"}), chunk({}, "stop")]
    seen = [event for each in said for event in reading.take("", each)]
    assert [event.text for event in seen if isinstance(event, TextDelta)] == ["a", "😀b"]
    assert reading.finished().message.parts == (TextPart("a😀b"),)


async def test_a_server_that_does_not_name_its_model_is_the_model_that_was_asked() -> None:
    _, turn = await turn_of({**chunk({"content": "a"}, "stop"), "model": ""})
    assert turn.model == "ollama/m"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("off", {"content": "b"}),
        ("reasoning_content", {"content": "b", "reasoning_content": "hm"}),
        ("reasoning", {"content": "b", "reasoning": "hm"}),
        ("think_text", {"content": "<think>hm</think>b"}),
    ],
)
async def test_reasoning_goes_back_in_the_form_that_the_catalog_names(
    form: str, expected: dict[str, str]
) -> None:
    facts = ModelFacts.model_validate(
        {"context_window": 9, "max_output_tokens": 9, "reasoning_back": form}
    )
    history = (
        UserMessage((TextPart("a"),)),
        AssistantMessage((ThinkingPart("hm", ""), ThinkingPart("other", "signed"), TextPart("b"))),
        UserMessage((TextPart("c"),)),
        AssistantMessage((ToolCall(READ_FILE_ID, "readFile", {}),)),
        UserMessage((ToolResult(READ_FILE_ID, "x"),)),
    )
    async with (
        wire_server(said(400, {})) as server,
        model_at("openai", server.url, catalog=Catalog({"openai/": facts})) as model,
    ):
        with pytest.raises(ModelRefused):
            await anext(model.stream(ModelRequest("", history, (READ_FILE,))))
    sent = server.requests[0]["messages"]
    assert sent[1] == {"role": "assistant", **expected}
    # DeepSeek refuses a history in which the field is missing anywhere.
    assert sent[3].get("reasoning_content") == ("" if form == "reasoning_content" else None)


@pytest.mark.parametrize(
    ("model", "form"),
    [
        ("openai/deepseek-reasoner", "reasoning_content"),
        ("openrouter/deepseek/deepseek-v4", "reasoning"),
        ("cerebras/zai-glm-4.7", "think_text"),
        ("openai/gpt-6-sol", "off"),
    ],
)
def test_the_shipped_table_says_who_wants_reasoning_back(model: str, form: str) -> None:
    assert Catalog.default().facts(model).reasoning_back == form
