"""A rehearsal: today's code goes through a recorded run, without a model and without effects."""

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from agent.loop import run_agent
from agent.outcome import Outcome
from agent.sink import RecordingSink
from core.ids import EventId
from engine import ReceivedEvent
from jobs.agents import Agents
from jobs.events import MessageSent
from jobs.recording.recorder import OUTCOME
from jobs.recording.recording import Recording
from jobs.rehearsal.differences import Differs, NotRehearsable, RecordingOver, need_same
from jobs.rehearsal.rehearsed import (
    NobodyElse,
    ProcessGone,
    Rehearsal,
    RehearsedPerson,
    RehearsedSteps,
    RehearsedWire,
    is_of_loop,
)
from jobs.rehearsal.transcript import RehearsedTranscript
from llm.model import TextPart, ToolCall

SHOWN_CHARS = 200  # of the arguments of a call


@dataclass(frozen=True)
class Rehearsed:
    """How a rehearsal went: `difference` is None where all was as it was then.

    `requests`, `turns` and `calls` were the same until then. `is_whole`: the run had ended by
    itself, and so did this one. `new` is what was said after the recording was left.
    """

    requests: int
    turns: int
    calls: int
    is_whole: bool
    difference: str | None = None
    new: str | None = None

    @property
    def words(self) -> str:
        """For people, in one line or a few."""
        counted = f"{self.turns} turns, {self.calls} calls"
        if self.difference is not None:
            return f"{self.difference}\n(the same until then: {counted})"
        if self.new is not None:
            return f"{self.new}\n({counted} in all)"
        return f"same: {counted}" + ("" if self.is_whole else "; the recording goes no further")


def event_of(recording: Recording) -> ReceivedEvent[MessageSent]:
    """The event of the run. Raises: NotRehearsable."""
    begun = recording.begun
    if begun.job != "process-message":
        raise NotRehearsable(f"runs of {begun.job} cannot be rehearsed, those of messages can")
    about: dict[str, Any] = dict(begun.event)
    data = MessageSent.model_validate(about["data"])
    if data.uses_mcp:
        raise NotRehearsable("the project of the run names MCP servers, whose tools are not here")
    return ReceivedEvent(
        about["name"], data, EventId(about["id"]), begun.at, v=None, user=about["user"]
    )


async def rehearse(rehearsal: Rehearsal, agents: Agents) -> Rehearsed:
    """Go through the run with `agents`, whose tools are `rehearsed` and whose model sends nothing.

    Raises:
        NotRehearsable: it is of another kind.
        ModelUnavailable, ModelRefused, StreamBroken: of the model that was to go on.
    """
    recording = rehearsal.recording
    event = event_of(recording)
    steps, wire = RehearsedSteps(rehearsal), RehearsedWire(rehearsal)
    try:
        transcript = RehearsedTranscript(rehearsal)
    except RecordingOver:
        return Rehearsed(0, 0, 0, is_whole=False)
    difference: str | None = None
    is_whole = False
    try:
        agent = await agents.for_message(event, steps)
        agent = replace(agent, wire=wire, clock=rehearsal.clock, pause=_at_once)
        outcome: Outcome | None = None
        while outcome is None:  # once for each process that the run was in
            with suppress(ProcessGone):
                outcome = await run_agent(
                    agent,
                    transcript=transcript,
                    sink=RecordingSink(),
                    steps=steps,
                    person=RehearsedPerson(rehearsal),
                    sub_agents=NobodyElse(),
                )
        is_whole = rehearsal.is_live or _ended(recording, wire, outcome)
    except (Differs, RecordingOver, ExceptionGroup) as error:
        why = _why(error)
        difference = str(why) if isinstance(why, Differs) else None
    return Rehearsed(
        requests=wire.made,
        turns=len(transcript.turns),
        calls=sum(len(turn.outputs) for turn in transcript.turns),
        is_whole=is_whole,
        difference=difference,
        new=_new(rehearsal, transcript),
    )


def need_step(recording: Recording, step: str) -> None:
    """Raises: NotRehearsable: the loop never had this step."""
    if not (step in recording.steps and is_of_loop(step)):
        known = ", ".join(filter(is_of_loop, recording.steps)) or "none"
        raise NotRehearsable(f"the run has no step {step!r}; its steps: {known}")


def _new(rehearsal: Rehearsal, transcript: RehearsedTranscript) -> str | None:
    """What was said and called since the recording was left; None: it was not."""
    if not rehearsal.is_live:
        return None
    said: list[str] = []
    for recorded in transcript.turns:
        known = rehearsal.recording.called
        for part in recorded.turn.message.parts:
            if isinstance(part, TextPart):
                said.append(part.text)
            if isinstance(part, ToolCall) and (recorded.number, part.call_id) not in known:
                said.append(f"[{part.name} {json.dumps(dict(part.arguments))[:SHOWN_CHARS]}]")
    return "\n".join(said)


def _ended(recording: Recording, wire: RehearsedWire, outcome: Outcome) -> bool:
    """Whether the run had ended here, too. Raises: Differs."""
    if wire.left:
        raise Differs(f"the run ends today before request {wire.made + 1}")
    if recording.ended is None:
        return False
    now = OUTCOME.dump_python(outcome, mode="json")
    need_same("how the run ended", dict(recording.ended.outcome), now)
    return True


def _why(error: Exception) -> Exception:
    """The difference out of the groups that calls side by side wrap around it."""
    inner: tuple[Exception, ...] = getattr(error, "exceptions", ())
    if not inner:
        return error
    found = [_why(each) for each in inner]
    for each in found:
        if isinstance(each, NotRehearsable):
            raise each
    known = [each for each in found if isinstance(each, Differs | RecordingOver)]
    if not known:
        raise error
    return next((each for each in known if isinstance(each, Differs)), known[0])


async def _at_once(_: float) -> None:
    """No pause between two tries."""
