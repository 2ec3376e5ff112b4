"""Where providers of OpenAI's protocol differ from each other and from OpenAI."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from core.ids import ToolCallId
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
from llm.openai_chat import OLLAMA, OPENAI, OpenAIModel, OpenAIProvider
from llm.scripted.process import scripted_here
from tests.llm.conftest import API_KEY, QUICK, READ_FILE, Play, ask, scenario

READ_FILE_ID = ToolCallId("call_1")


@asynccontextmanager
async def server_that_sends(*chunks: dict[str, Any]) -> AsyncGenerator[str]:
    """A provider that streams these chunks whatever it is asked; gives its base URL."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """A chunk as a lean provider sends it."""
    return {"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


async def turn_of(*chunks: dict[str, Any]) -> tuple[list[ModelEvent], Turn]:
    """What the adapter makes of the chunks."""
    async with (
        server_that_sends(*chunks) as url,
        OpenAIModel("m", api_key=API_KEY, provider=OLLAMA.at(url), patience=QUICK) as model,
    ):
        events = [event async for event in model.stream(ask(tools=(READ_FILE,)))]
    last = events.pop()
    assert isinstance(last, TurnEnded)
    return events, last.turn


def call_piece(call_id: str | None, name: str | None, text: str, index: int = 0) -> dict[str, Any]:
    """A piece of a tool call."""
    function = {"arguments": text, **({"name": name} if name else {})}
    piece = {"index": index, "function": function, **({"id": call_id} if call_id else {})}
    return {"tool_calls": [piece]}


async def test_calls_that_share_one_index_stay_apart() -> None:
    events, turn = await turn_of(
        chunk(call_piece("c1", "readFile", '{"path": "a"}')),
        chunk(call_piece("c2", "readFile", '{"path": "b"}')),
        chunk({}, "tool_calls"),
    )
    calls = [part for part in turn.message.parts if isinstance(part, ToolCall)]
    assert [(call.call_id, call.arguments["path"]) for call in calls] == [("c1", "a"), ("c2", "b")]
    assert len([event for event in events if isinstance(event, ToolCallStarted)]) == 2


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
    events, turn = await turn_of(
        chunk({"reasoning": "hm"}), chunk({"content": "a"}), chunk({}, "stop")
    )
    assert events[0] == ThinkingDelta("hm")
    assert turn.message.parts == (ThinkingPart("hm", ""), TextPart("a"))


async def test_an_answer_without_usage_counts_nothing() -> None:
    _, turn = await turn_of(chunk({"content": "a"}), chunk({}, "stop"))
    assert turn.usage.input_tokens == 0
    assert turn.usage.output_tokens == 0


async def test_the_limit_has_the_name_that_the_provider_knows() -> None:
    fields: dict[str, set[str]] = {}
    for provider in (OPENAI, OLLAMA, OpenAIProvider("mine", "")):
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


async def test_a_character_in_two_deltas_is_joined() -> None:
    events, turn = await turn_of(
        chunk({"content": "a\ud83d"}), chunk({"content": "\ude00b"}), chunk({}, "stop")
    )
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["a", "😀b"]
    assert turn.message.parts == (TextPart("a😀b"),)


async def test_a_server_that_does_not_name_its_model_is_the_model_that_was_asked() -> None:
    _, turn = await turn_of({**chunk({"content": "a"}, "stop"), "model": ""})
    assert turn.model == "ollama/m"
