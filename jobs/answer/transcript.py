"""The agent's transcript, kept in the store; each tool call works on a stage of its own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from agent.transcript import Condensed, Loaded, RecordedTurn, Steer, Work
from core.ids import MessageId, ToolCallId
from jobs.answer.attached import AttachedImages, said_in
from jobs.answer.attempt import Attempt
from jobs.answer.calls import Calls
from jobs.answer.images import ResultImages, blobs_of
from jobs.answer.live import LiveOutput
from jobs.answer.outputs import StoreOutputs, texts_of
from jobs.answer.plan import StagedPlan
from jobs.answer.records import new_call, past_of, recorded_turns, steer_of, turn_record
from jobs.answer.undoing import StoreHistory
from jobs.files.folder import ProjectFolder
from llm.model import ToolCall
from store.gateway import Store
from store.records import (
    CondensedRecord,
    ContextCondensed,
    FileEdit,
    HistoryMessage,
    Message,
    SteerRecord,
)
from tools.output import Part, ToolOutput, json_of
from tools.place import Place, Provided, Seen, Touches

EARLIER_MESSAGES = 2_000  # read in short; what is older is left out, and the model is told so
EARLIER_PAGES = 20  # a page of long answers holds one of them, and takes a tenth of a second


class StoreTranscript:
    """See `agent.transcript.Transcript`.

    Args:
        attempt: the right to write the answer.
        folder: the project's files on this disk.
        need: what tools may ask for.
        edited: is told what each call has changed, once that is kept.
    """

    def __init__(
        self,
        store: Store,
        attempt: Attempt,
        folder: ProjectFolder,
        need: Provided,
        *,
        edited: Callable[[ToolCallId, Sequence[FileEdit]], None] | None = None,
    ) -> None:
        self._store = store
        self._attempt = attempt
        self._folder = folder
        self._need = need
        self._calls = Calls(folder, need)
        self._images = ResultImages(store, attempt.message_id, owner=folder.owner)
        self._attached = AttachedImages(store)
        self._histories: dict[ToolCallId, StoreHistory] = {}
        self._plans: dict[ToolCallId, StagedPlan] = {}
        self._live: dict[ToolCallId, LiveOutput] = {}
        self._shown: set[ToolCallId] = set()
        self._edited = edited
        self._steers: dict[MessageId, SteerRecord] = {}  # not told, as far as that is known here
        self._messages: list[Message] = []  # as they were loaded last, but for this one

    async def load(self, *, whole_chars: int) -> Loaded:
        """Read the conversation up to the message that is answered; with 0, that message only.

        Raises: NotFound.
        """
        message_id = self._attempt.message_id
        context = await self._store.messages.context(message_id, max_chars=whole_chars)
        history, is_cut = context.history, context.is_truncated
        earlier: tuple[HistoryMessage, ...] = ()
        for _ in range(EARLIER_PAGES if whole_chars else 0):
            if not is_cut or len(earlier) >= EARLIER_MESSAGES:
                break
            oldest = (*earlier, *history)[0].message
            page = await self._store.messages.earlier(message_id, before=oldest.order)
            earlier, is_cut = (*page.history, *earlier), page.is_truncated
        self._messages = [each.message for each in (*earlier, *history)]
        if whole_chars:
            self._attached.forget()
            await self._attached.read([*said_in((*earlier, *history)), *context.steers])
        turns = recorded_turns(context.turns, context.tool_calls, self._attached, context.steers)
        await self._hear(steer for steer in context.steers if steer.told_in is None)
        if whole_chars:
            turns = await self._images.added_to(turns, context.tool_calls)
        return Loaded(
            past=(
                *(past_of(message, self._attached, is_brief=True) for message in earlier),
                *(past_of(message, self._attached, is_brief=False) for message in history),
            ),
            turns=turns,
            is_cut=is_cut,
            waiting_until=context.message.waiting_until,
            condensed=context.condensed and self._condensed(context.condensed),
        )

    def _condensed(self, record: ContextCondensed) -> Condensed:
        ids: list[MessageId | None] = [message.message_id for message in self._messages]
        return Condensed(
            record.text,
            past=sum(message.order < record.before_order for message in self._messages),
            turns=record.turns,
            made_at=record.turn,
            made_in=ids.index(record.message_id) if record.message_id in ids else None,
            usage=record.usage,
            model=record.model,
        )

    async def append_turn(self, recorded: RecordedTurn) -> None:
        """Record a finished turn; its calls are pending then, its steers told, its text shown.

        Raises: GenerationClosed.
        """
        calls = tuple(
            new_call(part, recorded.not_run.get(part.call_id))
            for part in recorded.turn.message.parts
            if isinstance(part, ToolCall)
        )
        lease, writer = await self._attempt.lease(), await self._attempt.writer()
        async with writer.handing_on() as said:
            kept = await self._store.generations.record_turn(
                lease,
                turn_record(recorded),
                tool_calls=calls,
                told=tuple(steer.message_id for steer in recorded.steers),
                said=said,
            )
        await self._hear(kept.steers)

    def steers(self) -> tuple[Steer, ...]:
        """What the store has told with the answers to other calls."""
        return tuple(steer_of(steer, self._attached) for steer in self._steers.values())

    async def _hear(self, steers: Iterable[SteerRecord]) -> None:
        steers = tuple(steers)
        await self._attached.read(steers)
        self._steers.update({steer.message_id: steer for steer in steers})

    async def append_condensed(self, condensed: Condensed) -> None:
        """Keep a summary for this answer and later ones. Raises: GenerationClosed."""
        record = CondensedRecord(
            turn=condensed.made_at,
            before_order=self._messages[condensed.past].order,
            turns=condensed.turns,
            text=condensed.text,
            model=condensed.model,
            usage=condensed.usage,
        )
        await self._store.generations.condense(await self._attempt.lease(), record)

    async def wait_until(self, until: datetime | None) -> None:
        """Show that the provider is waited for, or no more. Raises: GenerationClosed."""
        await self._hear(
            await self._store.generations.wait_until(await self._attempt.lease(), until)
        )

    async def rehearse(self, work: Work, *, seen: Seen) -> tuple[Part, ...]:
        """What the work of a call would change. Raises: NotFound, DiskFull."""
        return await self._calls.rehearse(work, seen=seen)

    async def folder(self) -> Path | None:
        """Where they are on disk. Raises: NotFound, DiskFull."""
        await self._folder.pull()
        return self._folder.path

    async def start_call(
        self,
        number: int,
        call: ToolCall,
        *,
        touches: Touches,
        seen: Seen,
        given: Sequence[object] = (),
    ) -> Place:
        """Show the call as running, and give it the newest files.

        Raises:
            GenerationClosed: the message is final.
            NotFound: the project is gone.
            DiskFull: there is no room for its files.
        """
        version = await self._store.generations.start_tool_call(
            await self._attempt.lease(), turn=number, tool_call_id=call.call_id
        )
        history = StoreHistory(self._store, self._attempt.message_id)
        self._histories[call.call_id] = history
        plan = self._plans[call.call_id] = StagedPlan()
        own = (*given, history, plan, StoreOutputs(self._store, self._attempt.message_id))
        place = await self._calls.start(
            call.call_id, touches=touches, seen=seen, own=own, version=version
        )
        live = await self._live_output(number, call.call_id)
        return replace(place, show=live.show)

    def drop_call(self, call: ToolCall) -> None:
        """What it has changed is not kept."""
        self._end_live(call.call_id)
        self._histories.pop(call.call_id, None)
        self._plans.pop(call.call_id, None)
        self._calls.drop(call.call_id)

    async def finish_call(self, number: int, call: ToolCall, output: ToolOutput) -> ToolOutput:
        """Keep the call's changes and its result in one write (docs/decisions/0002).

        A call that was kept before gives the result of then; its changes are not made again.

        Raises:
            GenerationClosed: the message is final: neither changes nor result were kept.
        """
        self._end_live(call.call_id)
        history, plan = self._histories.pop(call.call_id), self._plans.pop(call.call_id)

        async def keep(made: ToolOutput, edits: Sequence[FileEdit]) -> ToolOutput:
            kept = await self._store.generations.finish_tool_call(
                await self._attempt.lease(),
                turn=number,
                tool_call_id=call.call_id,
                output=made.text,
                is_error=made.is_error,
                edits=edits,
                undone=history.undone if edits else None,
                parts=json_of(made.parts),
                images=blobs_of(made.parts),
                texts=await texts_of(made.parts, self._folder.path, self._need),
                todos=None if made.is_error else plan.items,
            )
            await self._hear(kept.steers)
            if kept.was_kept_before:
                return ToolOutput(text=kept.output, is_error=kept.is_error)
            self._images.note(number, call.call_id, made.parts)
            if self._edited is not None:
                self._edited(call.call_id, edits)
            return made

        return await self._calls.finish(call.call_id, output, keep, modes=history.modes)

    async def _live_output(self, number: int, call_id: ToolCallId) -> LiveOutput:
        """What the call prints; that of an earlier attempt, or of a first try, is taken back."""
        lease, writer = await self._attempt.lease(), await self._attempt.writer()
        is_again = lease.epoch > 1 or call_id in self._shown
        self._shown.add(call_id)
        self._live[call_id] = LiveOutput(writer, number, call_id, is_again=is_again)
        return self._live[call_id]

    def _end_live(self, call_id: ToolCallId) -> None:
        live = self._live.pop(call_id, None)
        if live is not None:
            live.close()
