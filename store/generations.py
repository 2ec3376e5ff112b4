"""The writing of an answer: begin, turns, tool calls, finish; and what the reaper reads.

Every write carries the lease's epoch. A refused one raises `GenerationClosed`: the message was
cancelled, is final, or a later attempt took over; the attempt stops there and writes nothing more.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from core.ids import MessageId, RunId, ToolCallId
from core.usage import Usage
from store.client import ConvexHttp
from store.delta_writer import Entry
from store.edits import edit_row
from store.records import (
    CondensedRecord,
    EndedEarly,
    FileEdit,
    Generation,
    KeptResult,
    KeptTurn,
    Lease,
    Message,
    MessageStatus,
    NewToolCall,
    ResultImage,
    ResultText,
    SteerRecord,
    TodoItem,
    TurnRecord,
    Undone,
)
from store.rows import Row, decode, encode, readable

log = logging.getLogger(__name__)


class Generations:
    """Used by jobs only: ids come from our own events."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def begin(
        self, message_id: MessageId, *, run_id: RunId, generation_id: str | None = None
    ) -> Lease:
        """Take the message over for a new attempt; every earlier lease is void from here on.

        `generation_id` is the id of the event that started the run: with it, a run of before a
        retry cannot take the message from the run after it.

        Raises:
            NotFound: the message is gone.
            GenerationClosed: the message is final (cancelled before the job started, say), or is
                answered anew for a later event.
        """
        args = {"messageId": message_id, "runId": run_id, "generationId": generation_id}
        return decode(Lease, await self._http.mutation("system/streaming:begin", args))

    async def heartbeat(self, lease: Lease) -> None:
        """Say that the run is alive; deltas say it too. Raises: GenerationClosed."""
        await self._http.mutation("system/streaming:heartbeat", _of(lease))

    async def record_turn(
        self,
        lease: Lease,
        turn: TurnRecord,
        *,
        tool_calls: tuple[NewToolCall, ...] = (),
        told: tuple[MessageId, ...] = (),
        said: Sequence[Entry] = (),
    ) -> KeptTurn:
        """Keep a finished turn with its tool calls, which become pending.

        `told` names the steers that the model was told before it; `said` are the last deltas of
        the turn, see `DeltaWriter.handing_on`. Raises: GenerationClosed.
        """
        args = _of(lease) | {
            "turn": encode(turn),
            "toolCalls": [encode(call) for call in tool_calls],
            "told": list(told) or None,
            "said": [entry.row() for entry in said] or None,
        }
        return decode(KeptTurn, await self._http.mutation("system/streaming:recordTurn", args))

    async def condense(self, lease: Lease, condensed: CondensedRecord) -> None:
        """Keep a summary; the first one that was made before a turn stays.

        Raises: GenerationClosed.
        """
        args = _of(lease) | {"condensed": encode(condensed)}
        await self._http.mutation("system/streaming:condense", args)

    async def wait_until(self, lease: Lease, until: datetime | None) -> tuple[SteerRecord, ...]:
        """The provider takes no request before `until`; None: the wait is over.

        The steers that the model was not told yet. Raises: GenerationClosed.
        """
        args = _of(lease) | {"until": until and until.timestamp() * 1000}
        rows = await self._http.mutation("system/streaming:waitUntil", args)
        return tuple(decode(SteerRecord, row) for row in rows)

    async def start_tool_call(self, lease: Lease, *, turn: int, tool_call_id: ToolCallId) -> int:
        """A pending call is running now; the version of the project's files, see `FileChanges`.

        Raises: GenerationClosed, NotFound.
        """
        args = _of(lease) | {"turn": turn, "toolCallId": tool_call_id}
        return int(await self._http.mutation("system/streaming:startToolCall", args))

    async def finish_tool_call(  # noqa: PLR0913 - which call, and all that came of it
        self,
        lease: Lease,
        *,
        turn: int,
        tool_call_id: ToolCallId,
        output: str,
        is_error: bool,
        edits: Sequence[FileEdit] = (),
        undone: Undone | None = None,
        parts: Sequence[Mapping[str, object]] = (),
        images: Sequence[ResultImage] = (),
        texts: Sequence[ResultText] = (),
        todos: Sequence[TodoItem] | None = None,
    ) -> KeptResult:
        """Keep the result of a call and the changes it made to files, in one write.

        `parts` are what it came to beside its text, as `resultPart` of convex/model/validators.ts
        has them; beyond 6 MiB an answer keeps no more of them. `images` are kept as blobs, and
        are parts as well; `texts` are those that a part names: beyond 32 MiB an answer keeps no
        more of these.

        `todos` replace the plan of the answer, unless a later call of it has done that.

        The changes can be undone: see `Checkpoints`. `undone` says what they undo themselves.

        A second result for the same call is ignored, with its edits; what is on record comes back.
        `output` beyond 200,000 characters is cut, with a note at the cut.

        Raises:
            GenerationClosed: nothing was kept.
            FileChanged: a file is not what an edit was based on; nothing was kept.
            Refused: an edit cannot be made (a bad path, a folder in the way); nothing was kept.
            NotFound: no such call, or nothing stands where an edit moves or deletes.
        """
        args = _of(lease) | {
            "turn": turn,
            "toolCallId": tool_call_id,
            "output": output,
            "isError": is_error,
            "edits": [await edit_row(self._http, edit) for edit in edits],
            "parts": [
                *[await self._with_text(part, texts) for part in parts],
                *[await self._stored(image) for image in images],
            ]
            or None,
            "undo": None if undone is None else _undo_row(undone),
            "todos": None if todos is None else [encode(item) for item in todos],
        }
        value = await self._http.mutation("system/streaming:finishToolCall", args)
        return decode(KeptResult, value)

    async def _stored(self, image: ResultImage) -> Mapping[str, object]:
        """The part that names the blob."""
        return {
            "type": "image",
            "mediaType": image.media_type,
            "storageId": await self._uploaded(image.data),
            "sizeBytes": len(image.data),
        }

    async def _with_text(
        self, part: Mapping[str, object], texts: Sequence[ResultText]
    ) -> Mapping[str, object]:
        """The part, with the blob of the text that it names."""
        for text in texts:
            if part.get("handle") == text.handle:
                return {**part, "storageId": await self._uploaded(text.data)}
        return part

    async def _uploaded(self, data: bytes) -> str:
        """A blob. One that no call comes to hold is swept after a day."""
        url = await self._http.mutation("system/files:uploadUrl", {})
        return await self._http.upload(url, data)

    async def complete(  # noqa: PLR0913 - what is optional by name
        self,
        lease: Lease,
        *,
        text: str,
        model: str | None = None,
        usage: Usage | None = None,
        is_history_cut: bool = False,
        ended_early: EndedEarly | None = None,
    ) -> Message:
        """The answer is whole: text, usage and status in one write. Flush the deltas first.

        `is_history_cut`: the model was told less than all of the conversation. Completing twice
        with one lease gives the same message again. Raises: GenerationClosed.
        """
        args = _of(lease) | {
            "text": text,
            "model": model,
            "usage": encode(usage or Usage()),
            "isHistoryCut": is_history_cut or None,
            "endedEarly": ended_early,
        }
        return decode(Message, await self._http.mutation("system/streaming:complete", args))

    async def fail(
        self,
        message_id: MessageId,
        *,
        error: str,
        error_code: str,
        run_id: RunId | None = None,
        model: str | None = None,
    ) -> Message:
        """Close a message that will not be answered; the text streamed so far is kept.

        It keeps the usage and the model of its turns; `model` counts where it has none. Needs no
        lease: a failed run has none any more. With `run_id`, nothing happens when another
        run holds the message by now. A final message is left as it is. `error` is shown to the
        person.

        Raises:
            NotFound: the message is gone.
        """
        args = {
            "messageId": message_id,
            "error": error,
            "errorCode": error_code,
            "runId": run_id,
            "model": model,
        }
        return decode(Message, await self._http.mutation("system/streaming:fail", args))

    async def confirm(self, message_id: MessageId, *, run_id: RunId) -> None:
        """Note that this run was seen alive, so that it does not count as silent.

        No effect on a final message, or on one that another run holds.
        """
        args = {"messageId": message_id, "runId": run_id}
        await self._http.mutation("system/generations:confirm", args)

    async def of(self, message_id: MessageId) -> Generation | None:
        """The generation of a message, or None when the message is gone or the person's."""
        value = await self._http.query("system/generations:get", {"messageId": message_id})
        return None if value is None else decode(Generation, value)

    async def stale(self, *, before: datetime, limit: int = 100) -> tuple[Generation, ...]:
        """Running generations whose last sign of life is older than `before`, oldest first.

        A row that cannot be read is reported and set aside.
        """
        args = {"before": before.timestamp() * 1000, "limit": limit}
        rows = await self._http.query("system/generations:stale", args)
        return await readable(Generation, rows, self._unreadable)

    async def _unreadable(self, row: Row, wrong: list[str]) -> None:
        message_id = MessageId(str(row["messageId"]))
        log.error("generation_unreadable", extra={"message_id": message_id, "fields": wrong})
        await self.set_aside(message_id)

    async def set_aside(self, message_id: MessageId) -> None:
        """It could not be looked at: it goes behind the others, and is silent anew later."""
        await self._http.mutation("system/generations:setAside", {"messageId": message_id})

    async def status_of(self, message_id: MessageId) -> MessageStatus | None:
        """The message's status; None when it is gone."""
        generation = await self.of(message_id)
        return generation.status if generation else None


def _undo_row(undone: Undone) -> dict[str, object]:
    expected = [{"path": path, "sha256": sha256} for path, sha256 in undone.expected]
    return {"from": undone.start, "isPartial": undone.is_partial, "expected": expected}


def _of(lease: Lease) -> dict[str, object]:
    return {"messageId": lease.message_id, "epoch": lease.epoch}
