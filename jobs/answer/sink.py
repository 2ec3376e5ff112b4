"""The agent's sink: streamed text goes to the delta batcher."""

from contextlib import AbstractAsyncContextManager

from core.ids import ToolCallId
from jobs.answer.attempt import Attempt
from jobs.answer.live_answers import LiveAnswers, Whose

SHOWN_INPUT_CHARS = 64_000  # of a call that is being written; when it is whole, it has all of them


class StoreSink:
    """Shows an answer while it is written; see `agent.sink.Sink`."""

    def __init__(self, attempt: Attempt, whose: Whose, live: LiveAnswers) -> None:
        self._attempt = attempt
        self._whose = whose
        self._live = live
        self._input_chars: dict[tuple[int, ToolCallId], int] = {}

    def reading(self) -> AbstractAsyncContextManager[None]:
        """A cancel in this process ends the block. Raises: StreamBroken: see `LiveAnswers`."""
        return self._live.reading(self._whose, self.flush)

    async def text(self, part: int, text: str) -> None:
        """Show the next characters of the prose. Raises: GenerationClosed, StoreUnavailable."""
        await (await self._attempt.writer()).text(part, text)

    async def thinking(self, part: int, text: str) -> None:
        """Show the next characters of the reasoning. Raises: as `text`."""
        await (await self._attempt.writer()).thinking(part, text)

    async def tool_call_started(self, part: int, call_id: ToolCallId, name: str) -> None:
        """Show that a call is being written. Raises: as `text`."""
        self._input_chars[part, call_id] = 0
        await (await self._attempt.writer()).tool_call(part, call_id, name)

    async def tool_input(self, part: int, call_id: ToolCallId, text: str) -> None:
        """Show the next characters of its arguments, up to a bound. Raises: as `text`."""
        shown = self._input_chars.get((part, call_id), 0)
        self._input_chars[part, call_id] = shown + len(text)
        if piece := text[: max(0, SHOWN_INPUT_CHARS - shown)]:
            await (await self._attempt.writer()).tool_input(part, call_id, piece)

    async def condensing(self, part: int) -> None:
        """Show that the model summarises the conversation. Raises: as `text`."""
        await (await self._attempt.writer()).condensing(part)

    async def reset(self, part: int) -> None:
        """Take back what was shown of this part and later ones."""
        await (await self._attempt.writer()).reset(part)

    async def flush(self) -> None:
        """Wait until everything is in the store."""
        await (await self._attempt.writer()).flush()
