"""The agent's loop: ask the model, run the tools that it calls, until it answers.

The loop decides on references alone (`agent.durable`), so that it can be replayed: it reads no
clock, no file and no store. All of that is in the steps (`agent.run`).
"""

from collections.abc import Sequence
from functools import partial

from agent import words
from agent.definition import Agent, Limits
from agent.durable import Once, ToolRef, TurnRef
from agent.history import Remarks
from agent.outcome import Ending, Outcome
from agent.run import RunState
from agent.schedule import run_in_order
from agent.sink import Sink
from agent.stuck import is_repeating
from agent.transcript import Transcript
from llm.model import StopReason, Usage
from tools.tool import Session, Touches
from tools.workspace import RelPath

__all__ = ["Agent", "Limits", "run_agent"]


async def run_agent(
    agent: Agent, *, session: Session, transcript: Transcript, sink: Sink, once: Once
) -> Outcome:
    """Answer the last message of `transcript`.

    Each turn of the model is one `once("turn-<n>")` and each tool call one
    `once("tool-<n>-<call_id>")`; outside of them nothing is read or written, so the function can be
    called again with the same arguments after a crash and goes on where it was. A cancel propagates
    at once and nothing is written after it.

    Raises:
        ModelUnavailable, StreamBroken: the model could not be reached after all attempts.
        ModelRefused: the provider rejects the request or the key.
    """
    state = RunState(agent=agent, session=session, transcript=transcript, sink=sink)
    turns: list[TurnRef] = []
    signatures: list[str] = []
    remarks = Remarks()
    for number in range(agent.limits.max_turns + 1):
        if number == agent.limits.max_turns or _has_called_enough(turns, agent.limits):
            remarks = Remarks(nudged_after=remarks.nudged_after, is_last_turn=True)
        turn = await once(f"turn-{number}", partial(state.turn, number, remarks))
        turns.append(turn)
        if not _goes_on(turn):
            break
        results = await _run_calls(turn, state=state, session=session, once=once)
        signatures += [result.signature for result in results]
        signatures += [f"dropped {name}" for name in turn.dropped_calls]
        if is_repeating(signatures):
            if remarks.nudged_after is not None:
                name = [*(call.name for call in turn.calls), *turn.dropped_calls][-1]
                return _outcome(turns, Ending.STUCK, words.stuck(name))
            remarks = Remarks(nudged_after=number)
    return _ended(turns, was_last=remarks.is_last_turn)


def _has_called_enough(turns: Sequence[TurnRef], limits: Limits) -> bool:
    """Whether one more turn could make more calls than an answer may."""
    made = sum(len(turn.calls) for turn in turns)
    return made + limits.calls_per_turn > limits.calls_per_answer


def _goes_on(turn: TurnRef) -> bool:
    """Whether the model has to be asked again: it waits for results, or for word of a lost call."""
    return bool(turn.calls or turn.dropped_calls)


async def _run_calls(
    turn: TurnRef, *, state: RunState, session: Session, once: Once
) -> Sequence[ToolRef]:
    async def run_one(index: int) -> ToolRef:
        call_id = turn.calls[index].call_id
        result = await once(
            f"tool-{turn.number}-{call_id}", partial(state.call, turn.number, call_id)
        )
        _recall(session, result)
        return result

    touches = [
        Touches(
            reads=frozenset(map(RelPath, call.reads)), writes=frozenset(map(RelPath, call.writes))
        )
        for call in turn.calls
    ]
    return await run_in_order(touches, run_one, at_once=state.agent.limits.parallel_calls)


def _recall(session: Session, result: ToolRef) -> None:
    """What the call saw of files, also when it ran in another process."""
    for path, sha256 in result.seen.items():
        if sha256:
            session.seen[RelPath(path)] = sha256
        else:
            session.seen.pop(RelPath(path), None)


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
        usage=Usage(
            input_tokens=sum(turn.usage.input_tokens for turn in turns),
            output_tokens=sum(turn.usage.output_tokens for turn in turns),
            cache_read_tokens=sum(turn.usage.cache_read_tokens for turn in turns),
            cache_write_tokens=sum(turn.usage.cache_write_tokens for turn in turns),
        ),
        model=turns[-1].model,
    )
