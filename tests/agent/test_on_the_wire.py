"""The loop with the real adapters: the scripted server judges the histories as the real APIs do."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from agent import words
from agent.history import build_history
from agent.loop import Limits
from agent.outcome import Ending
from agent.transcript import Answered, Asked, Loaded, Past
from llm.model import Model, ModelRequest, TurnEnded
from llm.scripted.process import scripted_here
from tests.agent.desk import Desk
from tests.agent.test_history_properties import pasts
from tests.support.scripted_model import ADAPTERS, Scripted, scenario

Play = Callable[..., Coroutine[Any, Any, Scripted]]

FILES: dict[str, str | bytes] = {"src/a.ts": "const a = 1\n", "src/b.ts": "const b = 1\n"}


@pytest.fixture(params=sorted(ADAPTERS))
async def play(request: pytest.FixtureRequest) -> AsyncGenerator[Play]:
    async with AsyncExitStack() as stack:

        async def start(*rules: dict[str, Any], **fields: Any) -> Scripted:
            server = await stack.enter_async_context(scripted_here(scenario(*rules, **fields)))
            model = await stack.enter_async_context(ADAPTERS[request.param](server))
            return Scripted(model, server)

        yield start


def read(path: str) -> dict[str, Any]:
    return {"name": "readFile", "arguments": {"path": path}}


def edit(path: str, old: str, new: str) -> dict[str, Any]:
    return {"name": "editFile", "arguments": {"path": path, "oldString": old, "newString": new}}


def after(results: int, **reply: Any) -> dict[str, Any]:
    return {"when": {"tool_results": results}, "reply": reply}


async def test_parallel_reads_then_edits_then_an_answer(play: Play) -> None:
    scripted = await play(
        after(0, thinking="hm", text="I look.", tool_calls=[read("src/a.ts"), read("src/b.ts")]),
        after(
            2,
            thinking="both",
            tool_calls=[edit("src/a.ts", "1", "2"), edit("src/b.ts", "1", "2"), read("no.ts")],
        ),
        after(5, text="Both are 2 now: {{result.1}}"),
    )
    desk = Desk(scripted.model, files=FILES)
    outcome = await desk.run()
    assert desk.workspace.files == {"src/a.ts": b"const a = 2\n", "src/b.ts": b"const b = 2\n"}
    assert outcome.ending is Ending.FINISHED
    assert outcome.tool_calls == 5
    assert outcome.usage.output_tokens > 0
    assert await desk.text(outcome) == desk.sink.shown
    assert desk.sink.shown.startswith("I look.\n\nBoth are 2 now: ")


async def test_after_a_cancel_in_mid_answer_the_conversation_goes_on(play: Play) -> None:
    scripted = await play(
        {
            "when": {"user_contains": "first"},
            "reply": {"text": "I shall begin ", "fault": {"kind": "hang", "after_chars": 10}},
        },
        {"when": {"user_contains": "second"}, "reply": {"text": "On we go."}},
    )
    desk = Desk(scripted.model, past=[Asked("first")])
    async with asyncio.TaskGroup() as group:
        running = group.create_task(desk.run())
        await desk.sink.has_text.wait()
        running.cancel()
    [request] = await scripted.server.requests(until="client_disconnected")
    assert request["client_disconnected_at"] is not None
    cancelled = Answered("cancelled", desk.sink.shown, tuple(desk.transcript.turns))
    desk = Desk(scripted.model, past=[Asked("first"), cancelled, Asked("second")])
    outcome = await desk.run()
    assert await desk.text(outcome) == "On we go."


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop", "after_chars": 10},
        {"kind": "early_end", "after_chars": 10},
        {"kind": "error_event", "after_chars": 10},
    ],
)
async def test_a_stream_that_breaks_is_told_anew_without_a_trace(
    play: Play, fault: dict[str, Any]
) -> None:
    text = "This is a sentence that breaks."
    scripted = await play(
        {"when": {}, "times": 1, "reply": {"text": text, "fault": fault}},
        {"text": "This is the whole sentence."},
    )
    desk = Desk(scripted.model)
    outcome = await desk.run()
    assert await desk.text(outcome) == desk.sink.shown == "This is the whole sentence."
    assert desk.sink.resets == [0]
    assert len(desk.pauses) == 1


async def test_a_call_that_is_cut_at_the_length_limit_destroys_nothing(play: Play) -> None:
    long = {"name": "writeFile", "arguments": {"path": "src/a.ts", "content": "x" * 500}}
    scripted = await play(
        {"when": {}, "times": 1, "reply": {"tool_calls": [long], "cut_after_chars": 60}},
        {"text": "I will be brief."},
    )
    desk = Desk(scripted.model, files=FILES)
    outcome = await desk.run()
    assert desk.workspace.files["src/a.ts"] == b"const a = 1\n"
    assert await desk.text(outcome) == "I will be brief."
    body = (await scripted.server.requests())[-1]["body"]
    assert words.NOT_RUN_CUT in str(_told(body)).replace("\\'", "'")


async def test_at_the_cap_the_last_request_keeps_all_that_the_cache_is_of(play: Play) -> None:
    scripted = await play(
        {"when": {"history_contains": "all the tool calls"}, "reply": {"text": "So far so good."}},
        *(after(count, tool_calls=[read(f"{count}.ts")]) for count in range(9)),
    )
    desk = Desk(scripted.model, limits=Limits(max_turns=3))
    outcome = await desk.run()
    assert outcome.ending is Ending.STEP_CAP
    bodies = [request["body"] for request in await scripted.server.requests()]
    assert len(bodies) == 4
    assert [tool["name"] for tool in _tools(bodies[3])] == [t["name"] for t in _tools(bodies[0])]
    assert bodies[3]["tool_choice"] == bodies[0]["tool_choice"]


async def test_a_model_that_calls_at_the_cap_is_forbidden_to(play: Play) -> None:
    scripted = await play(
        {"when": {"tool_choice": "none"}, "reply": {"text": "So far so good."}},
        *(after(count, tool_calls=[read(f"{count}.ts")]) for count in range(9)),
    )
    desk = Desk(scripted.model, limits=Limits(max_turns=3))
    outcome = await desk.run()
    assert await desk.text(outcome) == "So far so good."
    assert len(await scripted.server.requests()) == 5


async def test_a_long_run_in_a_small_window_is_never_refused(play: Play) -> None:
    """Thoughts are bound to what stands before them, which is shortened again and again."""
    scripted = await play(
        *(
            {
                "when": {},
                "times": 1,
                "reply": {"thinking": f"hm {n}", "tool_calls": [read(f"src/{n}.ts")]},
            }
            for n in range(30)
        ),
        {"when": {}, "reply": {"text": "All read."}},
    )
    files: dict[str, str | bytes] = {f"src/{n}.ts": "const a = 1\n" * 250 for n in range(30)}
    desk = Desk(scripted.model, files=files, limits=Limits(max_turns=40, history_tokens=4_000))
    outcome = await desk.run()
    assert await desk.text(outcome) == "All read."
    requests = await scripted.server.requests()
    assert [request["status"] for request in requests] == [200] * 31
    told = [each for each in _told(requests[-1]["body"]) if each.get("role") != "system"]
    assert len(str(told)) < 5 * 4_000


def _told(body: dict[str, Any]) -> list[dict[str, Any]]:
    return body["input"] if "input" in body else body["messages"]


def _tools(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [tool.get("function", tool) for tool in body["tools"]]


@pytest.mark.parametrize("protocol", sorted(ADAPTERS))
@given(past=pasts)
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@pytest.mark.timeout(60)
def test_any_recorded_past_is_accepted_by_the_server(protocol: str, past: list[Past]) -> None:
    asyncio.run(_ask_about(protocol, past))


async def _ask_about(protocol: str, past: list[Past]) -> None:
    messages = build_history(Loaded((*past, Asked("now"))), budget_tokens=10_000).messages
    async with (
        scripted_here(scenario({"text": "accepted"})) as server,
        ADAPTERS[protocol](server) as model,
    ):
        assert await _said(model, ModelRequest("Be brief.", messages)) == "accepted"


async def _said(model: Model, request: ModelRequest) -> str:
    last = [event async for event in model.stream(request)][-1]
    assert isinstance(last, TurnEnded)
    return "".join(getattr(part, "text", "") for part in last.turn.message.parts)
