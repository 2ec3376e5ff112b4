"""What a tool call prints, shown to people while it runs: its beginning, and not too often."""

import asyncio

from core.ids import ToolCallId
from core.text import without_surrogates
from store.delta_writer import DeltaWriter

SHOWN_CHARS = 64_000  # of one call; all of it is in the result
PIECE_CHARS = 4_000
QUICK_S = 0.5  # with PIECE_CHARS: 8 kB a second at most
QUICK_PIECES = 100
SLOW_S = (
    2.0  # from then on: an answer has a bound of deltas, and a command may print for 10 minutes
)
MORE = "\n[More is not shown while it runs; it will be in the result.]\n"


class LiveOutput:
    """The output of one call on its way to those who watch; it never holds the call back.

    What is not on its way when the call ends is dropped: the result is written then.

    Args:
        part: the number of the turn.
        is_again: whether the call may have been shown before: that is taken back.
    """

    def __init__(
        self, writer: DeltaWriter, part: int, call_id: ToolCallId, *, is_again: bool
    ) -> None:
        self._writer = writer
        self._part = part
        self._call_id = call_id
        self._is_again = is_again
        self._left_chars = SHOWN_CHARS
        self._pieces = 0
        self._pending = ""
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def show(self, text: str) -> None:
        """Add text; call it from the event loop."""
        if self._is_closed or not text or self._left_chars <= 0:
            return
        taken = text[: self._left_chars]
        self._left_chars -= len(taken)
        self._pending += without_surrogates(taken).replace("\0", "\N{REPLACEMENT CHARACTER}")
        if self._left_chars <= 0:
            self._pending += MORE
        if self._timer is None:
            self._send()

    def close(self) -> None:
        """The call has ended."""
        self._is_closed = True
        self._pending = ""
        if self._timer is not None:
            self._timer.cancel()

    def _send(self) -> None:
        self._timer = None
        if not self._pending:
            return
        if self._is_again:
            self._is_again = False
            self._writer.reset_output(self._part, self._call_id)
        piece, self._pending = self._pending[:PIECE_CHARS], self._pending[PIECE_CHARS:]
        self._writer.output(self._part, self._call_id, piece)
        self._pieces += 1
        pause_s = QUICK_S if self._pieces < QUICK_PIECES else SLOW_S
        self._timer = asyncio.get_running_loop().call_later(pause_s, self._send)
