"""The agent's loop: ask the model, run the tools that it calls, until it answers.

The loop decides on references alone (`agent.durable`), so that it can be replayed: it reads no
clock, no file and no store. All of that is in the steps (`agent.run`, `agent.asking`).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count

from agent import words
from agent.cleaning import ENDS_THE_ANSWER
from agent.definition import Agent, Limits
from agent.durable import AskRef, CallRef, CondenseFirst, Durable, ToolRef, TurnRef
from agent.history import Remarks
from agent.means import Whose
from agent.outcome import Ending, Outcome
from agent.person import ANSWERED, Person, RequestId
from agent.run import Asking, RunState
from agent.schedule import run_in_order
from agent.sink import Sink
from agent.spending import Spending
from agent.stuck import Tried, is_stuck
from agent.sub_agents import Handed, SubAgents
from agent.transcript import Transcript
from llm.model import StopReason, Usage
from tools.place import Seen, Touches
from tools.workspace.port import RelPath

__all__ = ["Agent", "Limits", "run_agent"]

_BUDGET_ENDINGS: Mapping[Whose, Ending] = {
    "answer": Ending.ANSWER_BUDGET,
    "conversation": Ending.CONVERSATION_BUDGET,
    "day": Ending.DAY_BUDGET,
}
ASKING_STEPS = 2  # of a call that may ask, beside its own: the request, and the wait
TASK_STEPS = 2  # of one that a sub-agent does: asking for it, and its run


async def run_agent(  # noqa: PLR0913 - what is optional by name
    agent: Agent,
    *,
    transcript: Transcript,
    sink: Sink,
    steps: Durable,
    person: Person | None = None,
    sub_agents: SubAgents | None = None,
) -> Outcome:
    """Answer the last message of `transcript`.

    Each turn of the model is one step `turn-<n>` and each tool call one `tool-<n>-<call_id>`; where
    the conversation has become too long, a step `condense-<n>` has the model summarise it first.
    outside of them nothing is read or written, so the function can be called again with the same
    arguments after a crash and goes on where it was. A cancel propagates at once and nothing is
    written after it. A provider that says when to ask again is waited for, asleep. So is the
    `person`, where a call asks them something (steps `ask-<n>-<call_id>`, `answer-<n>-<call_id>`);
    without one nobody is asked, and what would need them is not run. They are asked for more, too,
    where a budget that allows it is used up (steps `ask-budget-<i>`, `answer-budget-<i>` and
    `raise-budget-<i>`); until they give it, no turn is made. What they say for this answer
    meanwhile is told with the next turn, between two turns only; what comes when the last one was
    made is not told, and stays in the transcript as that. A call of `task` is done by one of the
    `sub_agents`, as a child of this run (steps `task-<n>-<call_id>`, `invoke-<n>-<call_id>`).

    Raises (as the steps do):
        ModelUnavailable, StreamBroken: the model could not be reached after all attempts.
        ProviderBusy: the provider has to be waited for longer than an answer does.
        ModelRefused: the provider rejects the request or the key.
    """
    seen = Seen()
    state = RunState(agent, transcript, sink, seen, person, sub_agents)
    run = _Run(agent.limits, state, seen, steps)
    return await run.answer()


class _Run:
    """What the loop knows of one run: references only."""

    def __init__(self, limits: Limits, state: RunState, seen: Seen, steps: Durable) -> None:
        self._limits = limits
        self._seen = seen
        self._state = state
        self._steps = steps
        self._turns: list[TurnRef] = []
        self._tried: list[Tried] = []
        self._remarks = Remarks()
        self._may_condense = limits.condense_at < 1
        self._beside = Usage()  # what was taken beside the turns: summaries, what broke off
        self._delegated = Usage()
        self._free_tasks = asyncio.Semaphore(limits.parallel_tasks)
        self._spending = Spending(limits.budgets, state, steps, self._wait_for_answer)

    async def answer(self) -> Outcome:
        outcome = await self._answer()
        return replace(outcome, usage=outcome.usage + self._beside)

    async def _answer(self) -> Outcome:
        was_nudged = False
        announced_in: int | None = None
        while True:
            number = len(self._turns)
            spent = await self._spent_budget(number)
            if spent is not None:
                return _outcome(self._turns, _BUDGET_ENDINGS[spent], words.BUDGET_SPENT[spent])
            if self._may_call_no_more():
                return await self._close()
            turn = await self._turn(number)
            if _is_answered_back(turn):
                continue
            if turn.announces:
                if announced_in == number - 1:
                    return _outcome(self._turns, Ending.STUCK, words.ANNOUNCED_ONLY)
                announced_in = number
                self._remarks = self._remarks.and_after(number, words.ANNOUNCED)
                continue
            if not _goes_on(turn):
                return _ended(self._turns, was_last=False)
            await self._run_calls(turn)
            if is_stuck(self._tried):
                if was_nudged:
                    name = [*(call.name for call in turn.calls), *turn.dropped_calls][-1]
                    return _outcome(self._turns, Ending.STUCK, words.stuck(name))
                was_nudged = True
                self._remarks = self._remarks.and_after(number, words.NUDGE)

    async def _spent_budget(self, number: int) -> Whose | None:
        """The budget that ends the answer; what the model is to know of one, it is told."""
        left = await self._spending.look(number, self._used())
        for remark in left.remarks:
            self._remarks = self._remarks.and_after(number - 1, remark)
        return left.spent

    def _used(self) -> Usage:
        """What the answer has taken, with all that was done for it."""
        return _usage(self._turns) + self._beside + self._delegated

    async def _close(self) -> Outcome:
        """A last turn, told to call nothing; one that calls all the same is forbidden to.

        Only the second changes `tool_choice`: that costs the provider's cache of the conversation.
        """
        last = len(self._turns)
        self._remarks = self._remarks.and_after(last - 1, words.LAST_TURN).closing(forbids=False)
        turn = await self._turn(last)
        if turn.dropped_calls and not turn.text_chars and turn.stop_reason not in ENDS_THE_ANSWER:
            self._remarks = self._remarks.closing(forbids=True)
            await self._turn(last + 1)
        return _ended(self._turns, was_last=True)

    def _may_call_no_more(self) -> bool:
        """Whether one more turn could make more turns or calls than an answer may."""
        calls = [call for turn in self._turns for call in turn.calls]
        made = len(calls) + ASKING_STEPS * sum(call.may_ask for call in calls)
        made += TASK_STEPS * sum(call.is_task for call in calls)
        return (
            len(self._turns) >= self._limits.max_turns
            or made + self._limits.calls_per_turn > self._limits.calls_per_answer
        )

    async def _turn(self, number: int) -> TurnRef:
        """Ask until the provider answers, asleep while it must not be asked."""
        waited_s = 0.0
        may_condense = self._may_condense
        for asked in count():
            key = f"turn-{number}-again-{asked}" if asked else f"turn-{number}"
            asking = Asking(number, self._remarks, waited_s, may_condense=may_condense)
            made = await self._steps.run(key, partial(self._state.turn, key, asking))
            if isinstance(made, TurnRef):
                self._turns.append(made)
                return made
            if isinstance(made, CondenseFirst):
                may_condense = False  # once a turn: it never goes round in circles
                await self._condense(number)
                continue
            self._beside += made.usage
            waited_s += made.wait_s
            await self._steps.sleep_until(f"wait-{number}-{asked}", made.until)
        raise AssertionError("count() never ends")

    async def _condense(self, number: int) -> None:
        """Have a summary written; where that fails, what is oldest is told in short as it is."""
        key = f"condense-{number}"
        made = await self._steps.run(key, partial(self._state.condense, key, number, self._remarks))
        self._beside += made.usage
        self._may_condense = made.is_done

    async def _run_calls(self, turn: TurnRef) -> None:
        used = self._used()

        async def run_one(index: int) -> ToolRef:
            call_id = turn.calls[index].call_id
            asked = await self._ask(turn.number, turn.calls[index])
            handed = await self._hand_on(turn, index, asked, used)
            key = f"tool-{turn.number}-{call_id}"
            work = partial(self._state.call, turn.number, call_id, asked, handed)
            result = await self._steps.run(key, work)
            self._seen.learn(result.seen)  # also of a call that ran in another process
            self._delegated += result.usage
            return result

        touches = [
            Touches(
                reads=frozenset(map(RelPath, call.reads)),
                writes=frozenset(map(RelPath, call.writes)),
            )
            for call in turn.calls
        ]
        results = await run_in_order(touches, run_one, at_once=self._limits.parallel_calls)
        self._tried.append(
            Tried(
                signatures=tuple(result.signature for result in results),
                failures=tuple(
                    (result.failure or result.signature) if result.is_error else ""
                    for result in results
                ),
                was_lost=not turn.calls,
            )
        )

    async def _hand_on(
        self, turn: TurnRef, index: int, asked: RequestId | None, used: Usage
    ) -> Handed | None:
        """Have a sub-agent do a call that is a task; a few work at once."""
        call, sub_agents = turn.calls[index], self._state.sub_agents
        if not call.is_task or sub_agents is None:
            return None
        earlier = (each for made in self._turns[: turn.number] for each in made.calls)
        before = sum(each.is_task for each in (*earlier, *turn.calls[:index]))
        name = f"{turn.number}-{call.call_id}"
        ask = partial(self._state.open_task, turn.number, call.call_id, asked, before=before)
        async with self._free_tasks:
            ref = await self._steps.run(f"task-{name}", ask)
            if ref.task_id is None:
                return Handed(ref)
            budgets = self._spending.budgets(used)
            end = await sub_agents.run(self._steps, f"invoke-{name}", ref, budgets=budgets)
        return Handed(ref, end)

    async def _ask(self, number: int, call: CallRef) -> RequestId | None:
        """Ask the person about a call where that has to be, and wait until that is over."""
        if not call.may_ask:
            return None
        name = f"{number}-{call.call_id}"
        ask = partial(self._state.ask, number, call.call_id)
        asked = await self._steps.run(f"ask-{name}", ask)
        await self._wait_for_answer(f"answer-{name}", asked)
        return asked.request_id

    async def _wait_for_answer(self, key: str, asked: AskRef) -> None:
        if asked.wait_s:
            await self._steps.wait_for_event(
                key,
                ANSWERED,
                match="data.projectId",
                when=f'async.data.askId == "{asked.request_id}"',
                timeout=asked.wait_s,
            )


def _is_answered_back(turn: TurnRef) -> bool:
    """Whether the turn would be the last, but the person has said more meanwhile."""
    return turn.is_steered and not _goes_on(turn) and turn.stop_reason not in ENDS_THE_ANSWER


def _goes_on(turn: TurnRef) -> bool:
    """Whether the model has to be asked again: it waits for results, or for word of a lost call."""
    return bool(turn.calls or turn.dropped_calls) and turn.stop_reason not in ENDS_THE_ANSWER


def _ended(turns: Sequence[TurnRef], *, was_last: bool) -> Outcome:
    """The outcome of a run whose last turn is the answer."""
    turn = turns[-1]
    match turn.stop_reason:
        case StopReason.REFUSAL:
            return _outcome(turns, Ending.REFUSED, words.REFUSED)
        case StopReason.CONTEXT_FULL:
            return _outcome(turns, Ending.CONTEXT_FULL, words.CONTEXT_FULL)
        case StopReason.MAX_TOKENS:
            return _outcome(turns, Ending.CUT, words.ANSWER_CUT)
        case StopReason.END | StopReason.TOOL_CALLS:
            pass
    if was_last:
        return _outcome(turns, Ending.STEP_CAP, "" if turn.text_chars else words.STEP_CAP)
    if turn.text_chars:
        return _outcome(turns, Ending.FINISHED, "")
    has_acted = any(earlier.calls for earlier in turns)
    return _outcome(
        turns, Ending.FINISHED, words.DONE_SILENTLY if has_acted else words.NOTHING_SAID
    )


def _outcome(turns: Sequence[TurnRef], ending: Ending, note: str) -> Outcome:
    return Outcome(
        ending=ending,
        note=note,
        turns=len(turns),
        tool_calls=sum(len(turn.calls) for turn in turns),
        usage=_usage(turns),
        model=turns[-1].model if turns else "",
        is_shortened=any(turn.is_shortened for turn in turns),
    )


def _usage(turns: Sequence[TurnRef]) -> Usage:
    return sum((turn.usage for turn in turns), Usage())
