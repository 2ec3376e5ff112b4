"""A conversation that no longer fits is summed up by the model, and the work goes on from there."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

import pytest

from agent import words
from agent.history import build_history
from agent.loop import Limits
from agent.outcome import Ending
from agent.sizes import CHARS_PER_TOKEN
from agent.transcript import Answered, Asked, Loaded, Past, text_of_turns
from llm.faults import ModelRefused, ModelUnavailable
from llm.model import (
    ModelEvent,
    ModelRequest,
    ToolResult,
    Turn,
    TurnEnded,
)
from tests.agent.desk import Desk, Died, Journal
from tests.support.scripted_turns import ScriptedTurns, call, calls, is_for_summary, says, told
from tests.support.validity import assert_valid
from tools.files import FILE_TOOLS
from tools.registry import Toolbox

TURNS = 24
FIRST = "Build the shop, and never use the color teal."
DECISION = "We keep prices in cents."
FILES: dict[str, str | bytes] = {f"src/{n}.ts": f"// {n}\n" * 300 for n in range(TURNS)}
BUDGET_TOKENS = 4_000
LIMITS = Limits(max_turns=TURNS + 5, history_tokens=BUDGET_TOKENS)


@dataclass
class Worker(ScriptedTurns):
    """Reads one file after the other; sums up what it is told, as far as it was told decisions."""

    fails: Exception | None = None
    says_of_it: str | None = None
    prose: str = "The file says this. " * 60

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        assert_valid(request)
        if is_for_summary(request):
            assert request.tool_choice == "none"
            self.summaries.append(request)
            if self.fails is not None:
                raise self.fails
            kept = [line for line in (DECISION,) if line in told(request)]
            known = self.says_of_it
            yield TurnEnded(says("## Decisions\n" + "\n".join(kept) if known is None else known))
            return
        number = self.number_of(request)
        self.requests.append(request)
        yield TurnEnded(script(self.prose)[number])

    def number_of(self, request: ModelRequest) -> int:  # noqa: ARG002 - see `ByTurn`
        return len(self.requests)


class ByTurn(Worker):
    """Plays the reply that comes after the last file it has read, so that it can be asked again."""

    def number_of(self, request: ModelRequest) -> int:
        last = [
            part.call_id
            for message in request.messages
            for part in message.parts
            if isinstance(part, ToolResult)
        ]
        return int(last[-1].removeprefix("c")) + 1 if last else 0


def script(prose: str) -> list[Turn]:
    reads = [
        calls(
            call(f"c{n}", "readFile", path=f"src/{n}.ts"),
            text=DECISION if n == 1 else prose,
        )
        for n in range(TURNS)
    ]
    return [*reads, says("All read.")]


def desk(model: Worker, past: tuple[Past, ...] = (Asked(FIRST),), limits: Limits = LIMITS) -> Desk:
    return Desk(model, past=past, files=dict(FILES), limits=limits)


async def test_request_decision_and_files_are_known_after_three_summaries() -> None:
    model = Worker([])
    here = desk(model)
    outcome = await here.run()
    assert outcome.ending is Ending.FINISHED
    assert len(model.summaries) >= 3
    assert len(here.transcript.condensed) == len(model.summaries)
    last = told(model.requests[-1])
    assert FIRST in last
    assert DECISION in last
    assert all(f"src/{n}.ts" in last for n in range(TURNS))
    assert here.sink.condensed_before == [known.made_at for known in here.transcript.condensed]


async def test_a_summary_is_asked_for_behind_what_was_sent_last() -> None:
    model = Worker([])
    here = desk(model)
    await here.run()
    for asked, made in zip(model.summaries, here.transcript.condensed, strict=True):
        sent = model.requests[made.made_at - 1].messages
        assert asked.messages[: len(sent) - 1] == sent[:-1]
        assert asked.messages[-1].parts[:-1] == sent[-1].parts
        assert len(asked.messages) == len(sent)


@pytest.mark.parametrize("times", [24, 30, 36, 42, 48])
async def test_whatever_the_turns_measure_a_decision_is_kept(times: int) -> None:
    model = Worker([], prose="This file says what one would think. " * times)
    here = desk(model)
    assert (await here.run()).ending is Ending.FINISHED
    assert len(here.transcript.condensed) == len(model.summaries) >= 3
    assert DECISION in told(model.requests[-1])


async def test_requests_stay_below_the_bound_and_share_their_beginning() -> None:
    model = Worker([])
    await desk(model).run()
    sizes = [len(told(request)) for request in model.requests]
    assert max(sizes) <= BUDGET_TOKENS * CHARS_PER_TOKEN
    summed = len(model.summaries)
    stable = sum(
        after.messages[: len(before.messages) - 1] == before.messages[:-1]
        for before, after in zip(model.requests, model.requests[1:], strict=False)
    )
    assert stable >= len(model.requests) - 1 - 3 * summed  # old results are shortened in between


async def test_what_the_summary_covers_stays_covered_for_the_next_message() -> None:
    model = Worker([])
    first = desk(model)
    await first.run()
    turns = tuple(first.transcript.turns)
    past = (Asked(FIRST), Answered("completed", text_of_turns(turns), turns=turns), Asked("And?"))
    newest = replace(first.transcript.condensed[-1], made_in=1)
    touches = Toolbox(FILE_TOOLS).touches
    history = build_history(Loaded(past, condensed=newest), budget_tokens=4_000, touches=touches)
    assert_valid(ModelRequest(system="", messages=history.messages))
    shared = model.requests[-1].messages
    assert history.messages[: len(shared)] == shared


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        pytest.param(ModelUnavailable("down"), None, id="down"),
        pytest.param(ModelRefused("no"), None, id="refused"),
        pytest.param(None, "", id="empty"),
        pytest.param(None, "long " * 100_000, id="long"),
    ],
)
async def test_without_a_good_summary_the_answer_goes_on(
    fails: Exception | None, said: str | None
) -> None:
    model = Worker([], fails=fails, says_of_it=said)
    here = desk(model)
    outcome = await here.run()
    assert outcome.ending is Ending.FINISHED
    assert len(model.requests) == TURNS + 1
    if not said:
        assert len(model.summaries) == 1  # it is not asked for again in this answer
        assert here.transcript.condensed == []
    assert FIRST in told(model.requests[-1])


async def test_at_100_percent_the_model_is_never_asked_for_one() -> None:
    model = Worker([])
    limits = Limits(max_turns=TURNS + 5, history_tokens=4_000, condense_at=1.0)
    assert (await desk(model, limits=limits).run()).ending is Ending.FINISHED
    assert model.summaries == []


async def test_its_tokens_are_of_the_answer() -> None:
    model = Worker([])
    outcome = await desk(model).run()
    asked = len(model.requests) + len(model.summaries)
    assert outcome.usage.output_tokens == 5 * asked


async def test_a_process_that_dies_around_any_step_leaves_one_summary_a_turn() -> None:
    whole = desk(Worker([]))
    journal = Journal()
    await whole.run(journal)
    condensing = [key for key in journal.ran if key.startswith("condense-")]
    assert len(condensing) >= 3
    for key in condensing:
        for moment in ("die_before", "die_after"):
            here = desk(ByTurn([]))
            steps = Journal()
            setattr(steps, moment, key)
            with pytest.raises(Died):
                await here.run(steps)
            setattr(steps, moment, None)
            outcome = await here.run(steps)
            assert outcome.ending is Ending.FINISHED
            made = [known.made_at for known in here.transcript.condensed]
            assert len(set(made)) == len(made) == len(condensing)


async def test_a_cancel_ends_the_summary() -> None:
    asked = asyncio.Event()

    class Hanging(Worker):
        async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
            if is_for_summary(request):
                asked.set()
                await asyncio.Event().wait()
            async for event in super().stream(request):
                yield event

    here = desk(Hanging([]))
    async with asyncio.TaskGroup() as tasks:
        run = tasks.create_task(here.run())
        await asked.wait()
        run.cancel()
    assert run.cancelled()
    assert here.transcript.condensed == []


def test_the_prompt_has_its_headings() -> None:
    for heading in ("Goal", "Decisions", "Done", "Files", "Open", "Next"):
        assert f"## {heading}" in words.CONDENSE
