"""The agent's sink: streamed text goes to the delta batcher."""

from core.ids import ToolCallId
from jobs.answer.attempt import Attempt


class StoreSink:
    """Shows an answer while it is written; see `agent.sink.Sink`."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    async def text(self, part: int, text: str) -> None:
        """Show the next characters of the prose. Raises: GenerationClosed, StoreUnavailable."""
        await (await self._attempt.writer()).text(part, text)

    async def thinking(self, part: int, text: str) -> None:
        """Show the next characters of the reasoning. Raises: as `text`."""
        await (await self._attempt.writer()).thinking(part, text)

    async def tool_call_started(self, part: int, call_id: ToolCallId, name: str) -> None:
        """Nothing yet: a call is shown when its turn is recorded, with its arguments."""

    async def reset(self, part: int) -> None:
        """Take back what was shown of this part and later ones."""
        await (await self._attempt.writer()).reset(part)

    async def flush(self) -> None:
        """Wait until everything is in the store."""
        await (await self._attempt.writer()).flush()
