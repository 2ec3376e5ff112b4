"""The agent's transcript, kept in the store; each tool call works on a stage of its own."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from agent.transcript import Loaded
from core.errors import Refused
from core.ids import ToolCallId
from jobs.answer.attempt import Attempt
from jobs.answer.calls import CallChanges, FolderChanges, StagedChanges
from jobs.answer.live import LiveOutput
from jobs.answer.records import new_call, past_of, recorded_turns, turn_record
from jobs.files.folder import ProjectFolder
from llm.model import ToolCall, Turn
from store.errors import FileChanged, GenerationClosed
from store.gateway import Store
from store.records import FileEdit, HistoryMessage
from tools.output import ToolOutput, json_of
from tools.place import Needs, Place, Seen, Touches

EARLIER_MESSAGES = 2_000  # read in short; what is older is left out, and the model is told so
EARLIER_PAGES = 20  # a page of long answers holds one of them, and takes a tenth of a second

CHANGED_MEANWHILE = (
    "Nothing was changed: somebody else changed the same file at the same moment. "
    "Read it again, then repeat your change."
)


class StoreTranscript:
    """See `agent.transcript.Transcript`.

    Args:
        attempt: the right to write the answer.
        folder: the project's files on this disk.
        need: what tools may ask for.
    """

    def __init__(self, store: Store, attempt: Attempt, folder: ProjectFolder, need: Needs) -> None:
        self._store = store
        self._attempt = attempt
        self._folder = folder
        self._need = need
        self._changes: dict[ToolCallId, CallChanges] = {}
        self._live: dict[ToolCallId, LiveOutput] = {}
        self._shown: set[ToolCallId] = set()

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
        return Loaded(
            past=(
                *(past_of(message, is_brief=True) for message in earlier),
                *(past_of(message, is_brief=False) for message in history),
            ),
            turns=recorded_turns(context.turns, context.tool_calls),
            is_cut=is_cut,
            waiting_until=context.message.waiting_until,
        )

    async def append_turn(
        self, number: int, turn: Turn, *, not_run: Mapping[ToolCallId, str]
    ) -> None:
        """Record a finished turn; its calls are pending then. Raises: GenerationClosed."""
        calls = tuple(
            new_call(part, not_run.get(part.call_id))
            for part in turn.message.parts
            if isinstance(part, ToolCall)
        )
        await self._store.generations.record_turn(
            await self._attempt.lease(), turn_record(number, turn), tool_calls=calls
        )

    async def wait_until(self, until: datetime | None) -> None:
        """Show that the provider is waited for, or no more. Raises: GenerationClosed."""
        await self._store.generations.wait_until(await self._attempt.lease(), until)

    async def start_call(
        self, number: int, call: ToolCall, *, touches: Touches, seen: Seen
    ) -> Place:
        """Show the call as running, and give it the newest files.

        Raises:
            GenerationClosed: the message is final.
            NotFound: the project is gone.
            DiskFull: there is no room for its files.
        """
        await self._store.generations.start_tool_call(
            await self._attempt.lease(), turn=number, tool_call_id=call.call_id
        )
        await self._folder.pull()
        files = StagedChanges(self._folder)
        self._changes[call.call_id] = files
        if touches.in_folder:
            await self._folder.command_begins(call.call_id)
            self._changes[call.call_id] = FolderChanges(self._folder, call.call_id)
        live = await self._live_output(number, call.call_id)
        return Place(files.stage, seen, self._folder.path, self._need, live.show)

    def drop_call(self, call: ToolCall) -> None:
        """What it has changed is not kept."""
        self._end_live(call.call_id)
        changes = self._changes.pop(call.call_id, None)
        if changes is not None:
            changes.dropped()

    async def finish_call(self, number: int, call: ToolCall, output: ToolOutput) -> ToolOutput:
        """Keep the call's changes and its result in one write (docs/decisions/0002).

        A call that was kept before gives the result of then; its changes are not made again.

        Raises:
            GenerationClosed: the message is final: neither changes nor result were kept.
        """
        self._end_live(call.call_id)
        changes = self._changes[call.call_id]
        try:
            collected = await changes.collect(output)
            text = "\n\n".join(part for part in (output.text, collected.remark) if part)
            made = ToolOutput(text, output.is_error, (*output.parts, *collected.parts))
            kept = await self._keep(number, call.call_id, made, collected.edits)
            if kept is made:
                await changes.kept(collected)
        finally:
            self.drop_call(call)
        return kept

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

    async def _keep(
        self,
        number: int,
        call_id: ToolCallId,
        output: ToolOutput,
        edits: Sequence[FileEdit] = (),
    ) -> ToolOutput:
        try:
            kept = await self._store.generations.finish_tool_call(
                await self._attempt.lease(),
                turn=number,
                tool_call_id=call_id,
                output=output.text,
                is_error=output.is_error,
                edits=edits,
                parts=json_of(output.parts),
            )
        except GenerationClosed:
            raise
        except FileChanged:
            return await self._keep(number, call_id, ToolOutput(CHANGED_MEANWHILE, is_error=True))
        except Refused as refused:
            if not edits:
                raise
            text = f"Nothing was changed: {refused}"
            return await self._keep(number, call_id, ToolOutput(text, is_error=True))
        if kept.was_kept_before:
            return ToolOutput(text=kept.output, is_error=kept.is_error)
        return output
