"""The two durable steps of a run, a turn and a tool call, and what the process knows meanwhile."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from agent import words
from agent.announcing import announces
from agent.asking import Asker
from agent.cleaning import ENDS_THE_ANSWER, cleaned
from agent.condensing import makes_progress, summary_chars
from agent.consulting import Consulting, Trial
from agent.definition import Agent
from agent.delegating import Delegating
from agent.durable import AskAgain, AskRef, CallRef, CondensedRef, CondenseFirst, ToolRef, TurnRef
from agent.history import Remarks
from agent.identity import tool_ref
from agent.person import Person, RequestId
from agent.sink import Sink
from agent.sizes import CHARS_PER_TOKEN
from agent.sub_agents import Handed, SubAgents, TaskRef
from agent.transcript import (
    Loaded,
    RecordedTurn,
    Steer,
    Transcript,
    text_of_turn,
)
from agent.waiting import ProviderBusy, wake_time
from core.backoff import Backoff
from core.ids import ToolCallId
from llm.faults import ModelRefused, ModelUnavailable, StreamBroken
from llm.model import (
    StopReason,
    ToolCall,
    Turn,
    Usage,
)
from tools.place import Seen, Touches

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 30.0
PAUSES = Backoff(first_s=0.5, longest_s=LONGEST_PAUSE_S)  # as the providers' own clients do
HISTORY_HALVINGS = 6  # of a prompt that is too long: from the largest windows to the smallest


@dataclass(frozen=True)
class Asking:
    """One attempt at a turn; `waited_s`: how long it has waited for the provider so far."""

    number: int
    remarks: Remarks
    waited_s: float = 0.0
    may_condense: bool = False


@dataclass
class RunState:
    """One run in one process. Only steps call its methods, so all of it can be lost at any time.

    What is recorded is loaded once, in the first step that runs here, and only ever grows: facts
    from the transcript and facts written from here are merged. A step that runs a second time in
    this process loads again, because its first time may have written something before it failed.
    """

    agent: Agent
    transcript: Transcript
    sink: Sink
    seen: Seen
    person: Person | None = None
    sub_agents: SubAgents | None = None

    def __post_init__(self) -> None:
        self._known: Loaded | None = None
        self._tried: set[str] = set()
        self._waiting_until: datetime | None = None
        self._asker = Asker(self.agent, self.sink)
        self._consulting = Consulting(self.agent, self.person)
        self._delegating = Delegating(self.agent, self.sub_agents)

    async def turn(self, key: str, asking: Asking) -> TurnRef | AskAgain | CondenseFirst:
        """Generate a turn and record it, unless it is on record.

        Raises:
            ProviderBusy: it would have to wait for longer than an answer does.
        """
        number, remarks = asking.number, asking.remarks
        loaded = await self._load(key)
        if number < len(loaded.turns):
            return self._turn_ref(loaded.turns[number])
        if self._waiting_until is not None:
            left_s = (self._waiting_until - self.agent.clock.now()).total_seconds()
            if left_s > 0:  # an attempt that died had asked, and was told so
                return AskAgain(self._waiting_until, left_s)
            await self._wait_until(None)
        loaded = replace(loaded, untold=self._untold(loaded))
        history = await self._asker.told(loaded, remarks)
        if asking.may_condense and await self._asker.to_condense(loaded, number, history):
            return CondenseFirst(number)
        try:
            generated, is_shortened = await self._asker.turn(number, loaded, remarks, history)
        except (ModelUnavailable, StreamBroken) as fault:
            asked_at = self._asker.asked_at(fault)
            if asked_at is None:
                raise
            return await self._ask_again(asked_at, asking.waited_s, fault.code)
        made = cleaned(
            generated, max_calls=0 if remarks.is_last_turn else self.agent.limits.calls_per_turn
        )
        said = remarks.after.get(number - 1, ())
        recorded = RecordedTurn(
            number, made.turn, not_run=made.not_run, remarks=said, steers=loaded.untold
        )
        await self.transcript.append_turn(recorded)
        self._learn(recorded)
        return replace(self._turn_ref(recorded), is_shortened=is_shortened)

    def _untold(self, loaded: Loaded) -> tuple[Steer, ...]:
        told = {steer.message_id for recorded in loaded.turns for steer in recorded.steers}
        return tuple(each for each in self.transcript.steers() if each.message_id not in told)

    async def condense(self, key: str, number: int, remarks: Remarks) -> CondensedRef:
        """Have the model summarise the conversation before turn `number`, and record that.

        Whatever is in the way of it, the answer goes on without.
        """
        loaded = await self._load(key)
        known = loaded.condensed
        if known is not None and (known.made_in, known.made_at) == (None, number):
            return CondensedRef(is_done=True, usage=known.usage)
        wanted = await self._asker.to_condense(loaded, number)
        if wanted is None:
            return CondensedRef(is_done=False, usage=Usage())
        await self.sink.condensing(number)
        try:
            turn = await self._asker.summary(loaded, remarks)
        except (ModelUnavailable, ModelRefused, StreamBroken) as fault:
            log.warning("not_condensed", extra={"turn": number, "why": fault.code})
            return CondensedRef(is_done=False, usage=Usage())
        text = text_of_turn(turn).strip()[: summary_chars(self._asker.budget_tokens)]
        condensed = replace(wanted, text=text, usage=turn.usage, model=turn.model)
        is_shorter = makes_progress(loaded, condensed, budget_tokens=self._asker.budget_tokens)
        if not text or not is_shorter:
            log.warning("not_condensed", extra={"turn": number, "why": "no progress"})
            return CondensedRef(is_done=False, usage=turn.usage)
        await self.transcript.append_condensed(condensed)
        self._known = replace(loaded, condensed=condensed)
        return CondensedRef(is_done=True, usage=turn.usage)

    async def _ask_again(self, asked_at: datetime, waited_s: float, code: str) -> AskAgain:
        now = self.agent.clock.now()
        longest_s = self.agent.limits.longest_wait_s
        until = wake_time(asked_at, now=now, waited_s=waited_s, longest_s=longest_s)
        if until is None:
            raise ProviderBusy(asked_at)
        await self._wait_until(until)
        log.warning("provider_waited_for", extra={"until": until.isoformat(), "why": code})
        return AskAgain(until, (until - now).total_seconds())

    async def _wait_until(self, until: datetime | None) -> None:
        await self.transcript.wait_until(until)
        self._waiting_until = until

    async def ask(self, number: int, call_id: ToolCallId) -> AskRef:
        """Ask the person what a call of turn `number` asks, unless it has its result."""
        recorded = (await self._load(f"ask-{number}-{call_id}")).turns[number]
        if call_id in recorded.outputs:
            return AskRef()
        call = _call(recorded, call_id)
        work = partial(self.agent.toolbox.run, call.name, call.arguments)
        rehearse = partial(self.transcript.rehearse, work, seen=self.seen)
        return await self._consulting.ask(number, call, Trial(rehearse, self.transcript.folder))

    async def open_task(
        self, number: int, call_id: ToolCallId, asked: RequestId | None, *, before: int
    ) -> TaskRef:
        """Ask for the task of a call, unless the call has its result or is refused.

        `before` counts the tasks that the answer has asked for before.
        """
        recorded = (await self._load(f"task-{number}-{call_id}")).turns[number]
        call = _call(recorded, call_id)
        if call_id in recorded.outputs or await self._consulting.verdict(call, asked):
            return TaskRef()
        return await self._delegating.open(number, call, before=before)

    async def call(
        self,
        number: int,
        call_id: ToolCallId,
        asked: RequestId | None = None,
        handed: Handed | None = None,
    ) -> ToolRef:
        """Run one call of turn `number` and record its result, unless it is on record.

        `asked`: what the person was asked about it, which is over now. `handed`: the task that a
        sub-agent has done for it.
        """
        loaded = await self._load(f"tool-{number}-{call_id}")
        recorded = loaded.turns[number]
        call = _call(recorded, call_id)
        touches = self.agent.toolbox.touches(call.name, call.arguments)
        known = recorded.outputs.get(call_id)
        if known is not None:
            # The hashes that the call learned died with its process. What we remember of its files
            # from before may be out of date, so it is forgotten: then editFile goes by the text
            # alone, and writeFile asks for a new look.
            lost = dict.fromkeys(map(str, self.seen.touched(touches)), "")
            done = await self._delegating.report(handed)
            usage = Usage() if done is None else done.usage
            return replace(tool_ref(call, known, seen=lost), usage=usage)
        instead = await self._consulting.verdict(call, asked)
        done = None if instead is not None else await self._delegating.report(handed)
        if done is not None:
            instead = done.output
        if instead is not None:
            touches = Touches()
        consents = await self._consulting.consents(call, asked)
        place = await self.transcript.start_call(
            number, call, touches=touches, seen=self.seen, given=(consents,)
        )
        before = self.seen.touched(touches)
        try:
            output = instead or await self.agent.toolbox.run(call.name, call.arguments, place)
        except BaseException:
            self.transcript.drop_call(call)
            raise
        if output.is_error and call_id in recorded.started and instead is None:
            output = replace(output, text=f"{words.RAN_AGAIN}\n{output.text}")
        kept = await self.transcript.finish_call(number, call, output)
        if (kept.text, kept.is_error) != (output.text, output.is_error):
            # What the tool believes about the files did not come true.
            self.seen.learn(dict.fromkeys(self.seen.touched(touches), ""))
        after = self.seen.touched(touches)
        self._learn(replace(recorded, started=frozenset({call_id}), outputs={call_id: kept}))
        learned = {path: sha256 for path, sha256 in after.items() if before.get(path) != sha256}
        seen = {**dict.fromkeys(before.keys() - after, ""), **learned}
        ref = tool_ref(call, kept, seen={str(path): sha256 for path, sha256 in seen.items()})
        return ref if done is None else replace(ref, usage=done.usage)

    async def _load(self, key: str) -> Loaded:
        if self._known is None or key in self._tried:
            whole_chars = self._asker.budget_tokens * CHARS_PER_TOKEN
            fresh = await self.transcript.load(whole_chars=whole_chars)
            self._waiting_until = fresh.waiting_until
            for recorded in fresh.turns:
                self._learn(recorded, past_of=fresh)
            if self._known is not None:
                self._known = replace(self._known, condensed=fresh.condensed)
            if self._known is None:
                self._known = fresh
        self._tried.add(key)
        return self._known

    def _learn(self, recorded: RecordedTurn, *, past_of: Loaded | None = None) -> None:
        if self._known is None:
            if past_of is None:
                return
            self._known = replace(past_of, turns=())
        turns = list(self._known.turns)
        if recorded.number < len(turns):
            known = turns[recorded.number]
            turns[recorded.number] = replace(
                known,
                started=known.started | recorded.started,
                outputs={**recorded.outputs, **known.outputs},
                not_run={**recorded.not_run, **known.not_run},
            )
        else:
            turns.append(recorded)
        self._known = replace(self._known, turns=tuple(turns))

    def _turn_ref(self, recorded: RecordedTurn) -> TurnRef:
        turn = recorded.turn
        calls = [part for part in turn.message.parts if isinstance(part, ToolCall)]
        not_run = tuple(call.name for call in calls if call.call_id in recorded.not_run)
        dropped_calls = (*not_run, *turn.dropped_calls)
        return TurnRef(
            number=recorded.number,
            stop_reason=turn.stop_reason,
            model=turn.model,
            usage=turn.usage,
            text_chars=len(text_of_turn(turn).strip()),
            calls=tuple(
                self._call_ref(call) for call in calls if call.call_id not in recorded.not_run
            ),
            dropped_calls=dropped_calls,
            announces=not calls and not dropped_calls and self._announces(turn),
            is_steered=self._known is not None and bool(self._untold(self._known)),
        )

    def _announces(self, turn: Turn) -> bool:
        """Whether a turn without calls was meant to have one."""
        if not self.agent.toolbox.names or turn.stop_reason is StopReason.MAX_TOKENS:
            return False
        if turn.stop_reason in ENDS_THE_ANSWER:
            return False
        return turn.stop_reason is StopReason.TOOL_CALLS or announces(text_of_turn(turn))

    def _call_ref(self, call: ToolCall) -> CallRef:
        touches = self.agent.toolbox.touches(call.name, call.arguments)
        return CallRef(
            call_id=call.call_id,
            name=call.name,
            reads=tuple(sorted(touches.reads)),
            writes=tuple(sorted(touches.writes)),
            is_task=self._delegating.is_task(call.name),
            may_ask=self._consulting.may_ask(call),
        )


def _call(recorded: RecordedTurn, call_id: ToolCallId) -> ToolCall:
    for part in recorded.turn.message.parts:
        if isinstance(part, ToolCall) and part.call_id == call_id:
            return part
    raise LookupError(f"turn {recorded.number} has no call {call_id!r}")
