"""Whatever happened to a conversation, the next request is one that providers accept."""

import asyncio
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.exchanges import exchanges_of
from agent.history import Remarks, build_history
from agent.loop import Limits
from agent.transcript import (
    Answered,
    Asked,
    Condensed,
    Loaded,
    MemoryTranscript,
    Past,
    RecordedTurn,
    Steer,
)
from core.ids import MessageId, ToolCallId
from llm.faults import ModelUnavailable, StreamBroken
from llm.model import (
    AssistantMessage,
    ModelRequest,
    StopReason,
    TextPart,
    ThinkingPart,
    ToolCall,
    Turn,
    Usage,
)
from tests.agent.desk import Desk, Died, Interrupting, Mishap
from tests.support.scripted_turns import ScriptedTurns
from tests.support.validity import assert_valid
from tools.output import ToolOutput

T = TypeVar("T")

texts = st.sampled_from(["", " ", "\n\n", "Hello.", "ünï ☃", "x" * 300])
names = st.sampled_from(["readFile", "listFiles", "writeFile", "noSuchTool"])
call_ids = st.sampled_from(["", "call_0", "call_1", "a.b:0", "toolu_é", "x" * 90]).map(ToolCallId)
arguments = st.sampled_from(
    [{}, {"path": "a.txt"}, {"path": "../x"}, {"path": "a.txt", "content": "new"}, {"path": 7}]
)
parts = st.one_of(
    st.builds(TextPart, texts),
    st.builds(ThinkingPart, texts, st.sampled_from(["", "proof"])),
    st.builds(ToolCall, call_ids, names, arguments),
)
turns = st.builds(
    Turn,
    message=st.builds(AssistantMessage, st.lists(parts, max_size=5).map(tuple)),
    stop_reason=st.sampled_from(StopReason),
    usage=st.just(Usage()),
    model=st.just("test/any"),
    dropped_calls=st.sampled_from([(), ("writeFile",)]),
)


def _with_distinct_ids(turn: Turn) -> Turn:
    """As the loop records it: within one turn no id occurs twice."""
    kept: dict[object, TextPart | ThinkingPart | ToolCall] = {}
    for position, part in enumerate(turn.message.parts):
        kept.setdefault(part.call_id if isinstance(part, ToolCall) else position, part)
    return Turn(
        message=AssistantMessage(parts=tuple(kept.values())),
        stop_reason=turn.stop_reason,
        usage=turn.usage,
        model=turn.model,
        dropped_calls=turn.dropped_calls,
    )


def steers_of(said: list[str], number: int) -> tuple[Steer, ...]:
    return tuple(Steer(MessageId(f"{number}-{n}"), text) for n, text in enumerate(said))


@st.composite
def recorded_turns(draw: st.DrawFn) -> tuple[RecordedTurn, ...]:
    drawn = [_with_distinct_ids(turn) for turn in draw(st.lists(turns, max_size=4))]
    result: list[RecordedTurn] = []
    for number, turn in enumerate(drawn):
        ids = [part.call_id for part in turn.message.parts if isinstance(part, ToolCall)]
        started = frozenset(call_id for call_id in ids if draw(st.booleans()))
        outputs = {
            call_id: ToolOutput(draw(texts), is_error=draw(st.booleans()))
            for call_id in ids
            if draw(st.booleans())
        }
        steers = steers_of(draw(st.lists(texts.filter(str.strip), max_size=2)), number)
        result.append(RecordedTurn(number, turn, started, outputs, steers=steers))
    return tuple(result)


pasts = st.lists(
    st.one_of(
        st.builds(Asked, texts),
        st.builds(
            Answered,
            st.sampled_from(["completed", "failed", "cancelled"]),
            texts,
            recorded_turns(),
            texts,
        ),
    ),
    max_size=6,
)


@given(past=pasts, question=texts, budget=st.sampled_from([1, 200, 100_000]))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_recorded_past_becomes_a_valid_request(
    past: list[Past], question: str, budget: int
) -> None:
    loaded = Loaded(past=(*past, Asked(question)))
    assert_valid(
        ModelRequest(system="", messages=build_history(loaded, budget_tokens=budget).messages)
    )


@given(past=pasts, running=recorded_turns(), budget=st.sampled_from([1, 200, 100_000]))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_running_answer_can_be_closed_by_a_last_turn(
    past: list[Past], running: tuple[RecordedTurn, ...], budget: int
) -> None:
    untold = steers_of(["and this"], len(running))
    loaded = Loaded(past=(*past, Asked("go")), turns=running, untold=untold)
    remarks = Remarks(is_last_turn=True).and_after(-1, "a").and_after(len(running) - 1, "b")
    messages = build_history(loaded, budget_tokens=budget, remarks=remarks).messages
    assert_valid(ModelRequest(system="", messages=messages))


@given(
    past=pasts,
    running=recorded_turns(),
    budget=st.sampled_from([1, 200, 1_000, 100_000]),
    place=st.integers(0, 7),
    turns=st.integers(0, 4),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_summary_of_any_beginning_leaves_a_valid_request(
    past: list[Past], running: tuple[RecordedTurn, ...], budget: int, place: int, turns: int
) -> None:
    whole = (*past, Asked("go"))
    questions = [n for n, item in enumerate(whole) if isinstance(item, Asked)]
    at = questions[place % len(questions)]
    loaded = Loaded(past=whole, turns=running)
    exchange = exchanges_of(loaded)[place % len(questions)]
    had = sum(len(answer.turns) for answer in exchange.answers)
    if at == questions[-1]:
        had = max(0, had - 1)  # the latest results are never left out
    condensed = Condensed(
        "What was done.", past=at, turns=min(turns, had), made_at=min(turns, len(running))
    )
    remarks = Remarks().and_after(len(running) - 1, "go on")
    known = replace(loaded, condensed=condensed)
    messages = build_history(known, budget_tokens=budget, remarks=remarks).messages
    assert_valid(ModelRequest(system="", messages=messages))


@dataclass(frozen=True)
class Fate:
    """What becomes of one message: the model's turns, and how the run is interrupted."""

    script: list[Turn]
    kind: Mishap
    at: int  # the how-manieth step or request it hits


fates = st.builds(
    Fate,
    script=st.lists(turns, min_size=1, max_size=4),
    kind=st.sampled_from(["none", "cancel", "crash", "error"]),
    at=st.integers(0, 5),
)


@given(st.lists(fates, min_size=1, max_size=4))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_interleaving_of_cancel_crash_and_error_leaves_a_history_to_go_on_with(
    story: list[Fate],
) -> None:
    asyncio.run(_live_through(story))


async def _live_through(story: list[Fate]) -> None:
    past: list[Past] = []
    for fate in story:
        past.append(Asked("next"))
        past.append(await _answer(past, fate))


async def _answer(past: list[Past], fate: Fate) -> Answered:
    closing = Turn(AssistantMessage((TextPart("End."),)), StopReason.END, Usage(), "test/any")
    script = [*fate.script, *[closing] * 12]
    desk = Desk(
        ScriptedTurns(script),
        past=tuple(past),
        files={"a.txt": "old"},
        limits=Limits(max_turns=5, stream_attempts=2),
    )
    journal = Interrupting(fate.kind, fate.at, desk.transcript.said)
    if fate.kind == "error":
        fault = ModelUnavailable("gone") if fate.at % 2 else StreamBroken("gone")
        desk.model = ScriptedTurns([*script[: fate.at], fault, fault, *script])
    try:
        outcome = await desk.run(journal)
    except Died:
        outcome = await desk.run(journal)  # another process takes over
    except asyncio.CancelledError:
        return _closed(desk.transcript, "cancelled", desk.sink.shown)
    except (ModelUnavailable, StreamBroken) as failure:
        return _closed(desk.transcript, "failed", desk.sink.shown, str(failure))
    return _closed(desk.transcript, "completed", await desk.text(outcome))


def _closed(
    transcript: MemoryTranscript,
    status: Literal["completed", "failed", "cancelled"],
    text: str,
    error: str = "",
) -> Answered:
    return Answered(status, text, tuple(transcript.turns), error)
