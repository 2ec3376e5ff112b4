"""A process dies around every step and inside every write; the next one ends in the same state."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pytest

from agent.durable import NotDurable
from agent.outcome import Outcome
from agent.transcript import Asked, MemoryTranscript, RecordedTurn
from core.errors import Transient
from core.ids import ToolCallId
from llm.model import ToolCall, Turn
from tests.agent.desk import Desk, Died, Journal
from tests.support.scripted_turns import ScriptedTurns, call, calls, says
from tools.files.read import ReadFile
from tools.output import ToolOutput
from tools.place import Place, Seen, Touches
from tools.registry import Toolbox
from tools.tool import Tool
from tools.workspace.port import Workspace

T = TypeVar("T")

FILES: dict[str, str | bytes] = {"a.ts": "const a = 1\n", "b.ts": "b\n", "old.ts": "old\n"}

SCRIPT: Sequence[Turn] = [
    calls(call("c1", "readFile", path="a.ts"), call("c2", "readFile", path="b.ts"), text="I look."),
    calls(
        call("c3", "editFile", path="a.ts", oldString="a = 1", newString="a = 10"),
        call("c4", "writeFile", path="b.ts", content="b\nb\n"),
        call("c5", "writeFile", path="new.ts", content="new"),
    ),
    calls(call("c6", "editFile", path="a.ts", oldString="10", newString="100"), text="Again."),
    calls(call("c7", "deleteFile", path="old.ts")),
    says("All done."),
]

END = {"a.ts": b"const a = 100\n", "b.ts": b"b\nb\n", "new.ts": b"new"}
TEXT = "I look.\n\nAgain.\n\nAll done."
KEYS = [
    *("turn-0", "tool-0-c1", "tool-0-c2"),
    *("turn-1", "tool-1-c3", "tool-1-c4", "tool-1-c5"),
    *("turn-2", "tool-2-c6", "turn-3", "tool-3-c7", "turn-4"),
]


class DyingTranscript(MemoryTranscript):
    """Dies once, before or after the write of that name."""

    def __init__(self, point: tuple[str, str], workspace: Workspace) -> None:
        super().__init__([Asked("Please do it.")], workspace=workspace)
        self._point: tuple[str, str] | None = point

    def _die(self, when: str, write: str) -> None:
        if self._point == (when, write):
            self._point = None
            raise Died(write)

    async def append_turn(self, recorded: RecordedTurn) -> None:
        self._die("before", f"turn {recorded.number}")
        await super().append_turn(recorded)
        self._die("after", f"turn {recorded.number}")

    async def start_call(
        self,
        number: int,
        call: ToolCall,
        *,
        touches: Touches,
        seen: Seen,
        given: Sequence[object] = (),
    ) -> Place:
        self._die("before", f"start {call.call_id}")
        place = await super().start_call(number, call, touches=touches, seen=seen, given=given)
        self._die("after", f"start {call.call_id}")
        return place

    async def finish_call(self, number: int, call: ToolCall, output: ToolOutput) -> ToolOutput:
        self._die("before", f"finish {call.call_id}")
        kept = await super().finish_call(number, call, output)
        self._die("after", f"finish {call.call_id}")
        return kept


def make_desk() -> Desk:
    return Desk(ScriptedTurns(SCRIPT, by_turn=True), files=FILES)


async def test_without_a_crash_every_step_runs_once_in_order() -> None:
    desk, journal = make_desk(), Journal()
    outcome = await desk.run(journal)
    assert sorted(journal.ran) == sorted(KEYS)
    assert desk.workspace.files == END
    assert await desk.text(outcome) == desk.sink.shown == TEXT


LOOKED_IN_VAIN = "tool-0-c2"
"""A read whose hash is lost if the process dies right after it: a test of its own, below."""


@pytest.mark.parametrize(
    ("when", "key"),
    [("before", key) for key in KEYS] + [("after", key) for key in KEYS if key != LOOKED_IN_VAIN],
)
async def test_death_around_a_step_changes_nothing(when: str, key: str) -> None:
    desk, journal = make_desk(), Journal()
    if when == "before":
        journal.die_before = key
    else:
        journal.die_after = key
    with pytest.raises(Died):
        await desk.run(journal)
    journal.die_before = journal.die_after = None
    outcome = await desk.run(journal)
    await assert_same_end(desk, outcome)
    assert isinstance(desk.model, ScriptedTurns)
    assert len(desk.model.requests) == len(SCRIPT), "a recorded turn was generated again"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "write",
    [f"turn {n}" for n in range(5)]
    + [f"{verb} c{n}" for verb in ("start", "finish") for n in (1, 3, 4, 5, 6)],
)
async def test_death_in_the_middle_of_a_step_does_nothing_twice(write: str, when: str) -> None:
    desk, journal = make_desk(), Journal()
    desk.transcript = DyingTranscript((when, write), desk.workspace)
    with pytest.raises(Died):
        await desk.run(journal)
    outcome = await desk.run(journal)
    await assert_same_end(desk, outcome)
    outputs = [output for turn in desk.transcript.turns for output in turn.outputs.values()]
    assert not [output for output in outputs if output.is_error]


async def test_a_call_whose_first_run_took_effect_says_so_when_it_fails_again() -> None:
    desk, journal = make_desk(), Journal()
    desk.transcript = DyingTranscript(("before", "finish c7"), desk.workspace)
    with pytest.raises(Died):
        await desk.run(journal)
    outcome = await desk.run(journal)
    await assert_same_end(desk, outcome)
    output = desk.transcript.turns[3].outputs[ToolCallId("c7")]
    assert output.is_error
    assert "second time" in output.text
    assert "File not found: old.ts" in output.text


async def test_what_was_read_before_a_crash_may_be_replaced_after_it() -> None:
    desk, journal = make_desk(), Journal()
    journal.die_before = "tool-1-c4"
    with pytest.raises(Died):
        await desk.run(journal)
    journal.die_before = None
    await desk.run(journal)
    assert not desk.transcript.turns[1].outputs[ToolCallId("c4")].is_error


async def test_a_look_whose_hash_was_lost_must_be_repeated_before_a_replacement() -> None:
    desk, journal = make_desk(), Journal()
    journal.die_after = LOOKED_IN_VAIN
    with pytest.raises(Died):
        await desk.run(journal)
    journal.die_after = None
    await desk.run(journal)
    output = desk.transcript.turns[1].outputs[ToolCallId("c4")]
    assert output.is_error
    assert "have not read" in output.text
    assert desk.workspace.files == {**END, "b.ts": b"b\n"}


async def test_every_step_result_is_small() -> None:
    big = "x" * 50_000
    script = [
        calls(call("c1", "writeFile", path="a", content=big)),
        calls(call("c2", "readFile", path="a")),
        says(big),
    ]
    desk, journal = Desk(ScriptedTurns(script)), Journal()
    await desk.run(journal)
    assert all(len(repr(result)) < 1_000 for result in journal.results.values())


async def assert_same_end(desk: Desk, outcome: Outcome) -> None:
    assert desk.workspace.files == END
    assert await desk.text(outcome) == desk.sink.shown == TEXT
    assert outcome.turns == len(SCRIPT)
    assert outcome.tool_calls == 7


class Stumbling(MemoryTranscript):
    """Every write succeeds, and half of the time its answer gets lost on the way."""

    def __init__(self) -> None:
        super().__init__([Asked("Please do it.")])
        self._writes = 0

    def _stumble(self) -> None:
        self._writes += 1
        if self._writes % 2:
            raise Transient("no answer from the store")

    async def append_turn(self, recorded: RecordedTurn) -> None:
        await super().append_turn(recorded)
        self._stumble()

    async def finish_call(self, number: int, call: ToolCall, output: ToolOutput) -> ToolOutput:
        kept = await super().finish_call(number, call, output)
        self._stumble()
        return kept


class Retrying(NotDurable):
    """Steps as an engine retries them in the same process."""

    async def run(self, key: str, fn: Callable[[], Awaitable[T]], /) -> T:
        while True:
            try:
                return await super().run(key, fn)
            except Transient:
                continue


async def test_a_write_whose_answer_was_lost_is_not_made_again_by_the_retry() -> None:
    runs: list[str] = []

    async def count(arguments: ReadFile, _: Place) -> ToolOutput:
        runs.append(arguments.path)
        return ToolOutput("counted")

    counter = Tool("count", "Counts.", ReadFile, lambda _: Touches(), count)
    script = [calls(*(call(f"c{n}", "count", path=f"{n}") for n in range(4))), says("Done.")]
    model = ScriptedTurns(script, by_turn=True)
    desk = Desk(model, toolbox=Toolbox([counter]))
    desk.transcript = Stumbling()

    outcome = await desk.run(Retrying())
    assert runs == ["0", "1", "2", "3"]
    assert len(model.requests) == 2
    assert await desk.text(outcome) == desk.sink.shown == "Done."
