"""What every adapter promises, on the wire: the same suite for all of them."""

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace

import pytest

from core.ids import ToolCallId
from llm.catalog import UNKNOWN, Catalog, Price
from llm.model import (
    AssistantMessage,
    Forced,
    ModelRequest,
    StopReason,
    TextDelta,
    TextPart,
    ThinkingDelta,
    ThinkingPart,
    ToolCall,
    ToolCallStarted,
    ToolResult,
    TurnEnded,
    UserMessage,
)
from llm.retry import Patience
from llm.scripted.process import scripted_here
from tests.support.scripted_model import (
    ADAPTERS,
    READ_FILE,
    Play,
    Scripted,
    ask,
    model_at,
    scenario,
)

TEXT = "Grüße, 世界 🎉👩‍💻. " * 20


async def test_text_comes_in_deltas_and_whole_at_the_end(play: Play) -> None:
    scripted = await play({"text": TEXT, "pace": {"delay_s": 0.02}})
    events, turn = await scripted.turn(ask())
    deltas = [event.text for event in events if isinstance(event, TextDelta)]
    assert len(deltas) > 5
    assert "".join(deltas) == TEXT
    assert turn.message == AssistantMessage((TextPart(TEXT),))
    assert turn.stop_reason is StopReason.END


@pytest.mark.parametrize("split_bytes", [1, 7])
async def test_characters_split_over_packets_stay_whole(play: Play, split_bytes: int) -> None:
    text = "é世🎉" * 4
    scripted = await play({"text": text, "pace": {"chunk_chars": 1, "split_bytes": split_bytes}})
    events, turn = await scripted.turn(ask())
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == text
    assert turn.message.parts == (TextPart(text),)


async def test_thinking_comes_as_its_own_deltas(play: Play) -> None:
    scripted = await play({"thinking": "let me see", "text": "done"})
    events, turn = await scripted.turn(ask())
    assert events[0] == ThinkingDelta("let me see")
    assert isinstance(turn.message.parts[0], ThinkingPart)
    assert turn.message.parts[0].text == "let me see"


async def test_parallel_tool_calls_arrive_whole_and_in_order(play: Play) -> None:
    calls = [{"name": "readFile", "arguments": {"path": f"src/{name}.ts"}} for name in "abc"]
    scripted = await play({"text": "I read them.", "tool_calls": calls})
    events, turn = await scripted.turn(ask(tools=(READ_FILE,)))
    started = [event for event in events if isinstance(event, ToolCallStarted)]
    parts = [part for part in turn.message.parts if isinstance(part, ToolCall)]
    assert turn.stop_reason is StopReason.TOOL_CALLS
    assert [part.arguments["path"] for part in parts] == ["src/a.ts", "src/b.ts", "src/c.ts"]
    assert [event.call_id for event in started] == [part.call_id for part in parts]
    assert len({part.call_id for part in parts}) == 3
    assert turn.dropped_calls == ()


async def test_tool_results_go_back_in_a_history_that_the_provider_accepts(play: Play) -> None:
    calls = [{"name": "readFile", "arguments": {"path": name}} for name in "ab"]
    scripted = await play(
        {"when": {"tool_results": 0}, "reply": {"thinking": "hm", "tool_calls": calls}},
        {"when": {"tool_results": 2}, "reply": {"text": "{{result.1}} then {{result.2}}"}},
    )
    first = ask(tools=(READ_FILE,))
    _, turn = await scripted.turn(first)
    parts = [part for part in turn.message.parts if isinstance(part, ToolCall)]
    results = UserMessage((ToolResult(parts[0].call_id, "one"), ToolResult(parts[1].call_id, "")))
    _, second = await scripted.turn(
        ModelRequest(first.system, (*first.messages, turn.message, results), first.tools)
    )
    assert second.message.parts == (TextPart("one then "),)


async def test_calls_that_another_provider_made_go_back_in_an_accepted_form(play: Play) -> None:
    """Kimi's ids hold dots and colons; a model may name a tool that no provider would declare."""
    scripted = await play({"text": "fine"})
    call_id = ToolCallId("functions.read file:0")
    history = (
        UserMessage((TextPart("go"),)),
        AssistantMessage((ThinkingPart("only thoughts", ""),)),
        AssistantMessage((ToolCall(call_id, "read file!", {}),)),
        UserMessage((ToolResult(call_id, "no such tool", is_error=True),)),
    )
    _, turn = await scripted.turn(ModelRequest("", history, (READ_FILE,)))
    assert turn.message.parts == (TextPart("fine"),)


@pytest.mark.parametrize("raw", ["", "null"])
async def test_a_call_without_arguments_is_whole(play: Play, raw: str) -> None:
    scripted = await play({"tool_calls": [{"name": "readFile", "raw": raw}]})
    _, turn = await scripted.turn(ask(tools=(READ_FILE,)))
    (call,) = turn.message.parts
    assert isinstance(call, ToolCall)
    assert call.arguments == {}


@pytest.mark.parametrize("cut", range(6, 50, 7))
async def test_a_call_cut_by_the_token_limit_never_surfaces(play: Play, cut: int) -> None:
    """Trap 3: the SDK would give the arguments that fit, and running them destroys a file."""
    arguments = {"path": "a.py", "content": "x" * 30}
    scripted = await play(
        {
            "text": "ok",
            "tool_calls": [{"name": "writeFile", "arguments": arguments}],
            "cut_after_chars": cut,
        }
    )
    events, turn = await scripted.turn(ask(tools=(READ_FILE,)))
    assert turn.stop_reason is StopReason.MAX_TOKENS
    assert turn.message.parts == (TextPart("ok"),)
    assert turn.dropped_calls == ("writeFile",)
    assert any(isinstance(event, ToolCallStarted) for event in events)


async def test_a_call_cut_before_its_first_argument_is_dropped(play: Play) -> None:
    calls = [{"name": "readFile", "arguments": {"path": "a"}}, {"name": "listFiles"}]
    whole = len('{"path": "a"}')
    scripted = await play({"tool_calls": calls, "cut_after_chars": whole})
    _, turn = await scripted.turn(ask(tools=(READ_FILE,)))
    assert [part.name for part in turn.message.parts if isinstance(part, ToolCall)] == ["readFile"]
    assert turn.dropped_calls == ("listFiles",)


@pytest.mark.parametrize("raw", ['{"path": ', "[1]", "false", '"text"', "{'path': 1}"])
async def test_a_call_with_broken_arguments_is_dropped(play: Play, raw: str) -> None:
    scripted = await play({"tool_calls": [{"name": "readFile", "raw": raw}]})
    _, turn = await scripted.turn(ask(tools=(READ_FILE,)))
    assert turn.message.parts == ()
    assert turn.dropped_calls == ("readFile",)


async def test_a_refusal_is_a_stop_reason(play: Play) -> None:
    scripted = await play({"text": "No.", "stop": "refusal"})
    _, turn = await scripted.turn(ask())
    assert turn.stop_reason is StopReason.REFUSAL


async def test_the_turn_names_the_provider_and_the_model_that_answered(play: Play) -> None:
    scripted = await play({"text": "x"})
    _, turn = await scripted.turn(ask())
    provider, _, model = scripted.model.name.partition("/")
    assert turn.model == f"{provider}/scripted-{model}"


async def test_usage_is_counted_without_what_the_cache_read(play: Play) -> None:
    usage = {"input_tokens": 100, "output_tokens": 7, "cache_read_tokens": 900}
    scripted = await play({"text": "x", "usage": usage})
    _, turn = await scripted.turn(ask())
    assert turn.usage.input_tokens == 100
    assert turn.usage.output_tokens == 7
    assert turn.usage.cache_read_tokens == 900


COUNTED = {"input_tokens": 100_000, "output_tokens": 10_000, "cache_read_tokens": 900_000}
UNCOUNTED = dict.fromkeys((*COUNTED, "cache_write_tokens"), 0)
PRICE = Price(input=4, output=20, cache_read=0.5)


@pytest.mark.parametrize("protocol", sorted(ADAPTERS))
@pytest.mark.parametrize(
    ("price", "usage", "dollars"),
    [(PRICE, COUNTED, 0.4 + 0.2 + 0.45), (None, COUNTED, None), (PRICE, UNCOUNTED, None)],
    ids=["known", "no price", "not counted"],
)
async def test_a_turn_costs_what_the_catalog_says(
    protocol: str, price: Price | None, usage: dict[str, int], dollars: float | None
) -> None:
    facts = UNKNOWN.model_copy(update={"price": price})
    async with (
        scripted_here(scenario({"text": "x", "usage": usage})) as server,
        model_at(protocol, server.url, catalog=Catalog({"": facts})) as model,
    ):
        _, turn = await Scripted(model, server).turn(ask())
    assert turn.usage.input_tokens == usage["input_tokens"]
    assert turn.usage.cost_usd == (None if dollars is None else pytest.approx(dollars))


async def test_the_second_turn_reads_the_cache_of_the_first(play: Play) -> None:
    scripted = await play({"text": "fine"})
    first = ModelRequest("rules " * 2_000, (UserMessage((TextPart("hi"),)),), (READ_FILE,))
    _, turn = await scripted.turn(first)
    again = UserMessage((TextPart("and now?"),))
    _, second = await scripted.turn(
        ModelRequest(first.system, (*first.messages, turn.message, again), first.tools)
    )
    assert turn.usage.cache_read_tokens == 0
    assert second.usage.cache_read_tokens > 2_000
    assert second.usage.input_tokens < 100


async def test_tool_choice_none_keeps_the_tools_declared(play: Play) -> None:
    scripted = await play({"when": {"tool_choice": "none"}, "reply": {"text": "final"}})
    request = ask(tools=(READ_FILE,))
    _, turn = await scripted.turn(
        ModelRequest(request.system, request.messages, request.tools, tool_choice="none")
    )
    assert turn.message.parts == (TextPart("final"),)
    assert len((await scripted.body())["tools"]) == 1


async def test_a_forced_tool_is_asked_for_by_name(play: Play) -> None:
    call = {"name": "readFile", "arguments": {"path": "a"}}
    rule = {"when": {"tool_choice": "tool"}, "reply": {"tool_calls": [call]}}
    scripted = await play(rule)
    request = ask(tools=(READ_FILE,))
    choice = Forced("readFile")
    _, turn = await scripted.turn(replace(request, tool_choice=choice))
    assert [part.name for part in turn.message.parts if isinstance(part, ToolCall)] == ["readFile"]
    assert "readFile" in json.dumps((await scripted.body())["tool_choice"])


async def test_closing_the_stream_closes_the_connection(play: Play) -> None:
    scripted = await play({"text": TEXT, "fault": {"kind": "hang", "after_chars": 30}})
    async with aclosing(scripted.model.stream(ask())) as events:
        await anext(events)
    (record,) = await scripted.server.requests(until="client_disconnected")
    assert record["finished_at"] is None


@pytest.mark.parametrize("after_chars", [None, 0, 30])
async def test_a_cancel_closes_the_connection_within_200_ms(
    play: Play, after_chars: int | None
) -> None:
    """While waiting for headers, for the first event, and in the middle of an answer."""
    scripted = await play({"text": TEXT, "fault": {"kind": "hang", "after_chars": after_chars}})

    async def read() -> None:
        async for _ in scripted.model.stream(ask()):
            pass

    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(read())
        await scripted.server.requests(until="first_byte" if after_chars is not None else "started")
        cancelled_at = loop.time()
        task.cancel()
        (record,) = await scripted.server.requests(until="client_disconnected")
    assert task.cancelled()
    # Both clocks are this machine's monotonic one: the server runs on this loop.
    assert record["client_disconnected_at"] - cancelled_at < 0.2


@pytest.mark.timeout(60)
@pytest.mark.parametrize("protocol", sorted(ADAPTERS))
async def test_200_streams_at_once_are_all_answered_in_full(protocol: str) -> None:
    reply = {"text": "{{user}} " * 20, "pace": {"chunk_chars": 20, "delay_s": 0.01}}
    async with (
        scripted_here(scenario(reply)) as server,
        ADAPTERS[protocol](server, Patience(connect_s=20, idle_s=30)) as model,
    ):

        async def one(number: int) -> str:
            async for event in model.stream(ask(f"no {number}")):
                if isinstance(event, TurnEnded):
                    (part,) = event.turn.message.parts
                    assert isinstance(part, TextPart)
                    return part.text
            raise AssertionError("no end")

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(number)) for number in range(200)]
    assert [task.result() for task in tasks] == [f"no {number} " * 20 for number in range(200)]
