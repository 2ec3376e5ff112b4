"""Following one answer as a page does: `messages:deltas` with a cursor that moves on."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from itertools import count
from typing import Any

from bench.viewers import Update, Viewers

DELTAS_PER_CURSOR = 8  # then the subscription starts again behind what the viewer holds
_numbers = count()


@dataclass(frozen=True)
class Seen:
    """What the viewer holds after an update; `at` is when its callback came."""

    text: str
    status: str
    at: float


class Following:
    """One answer as a page holds it. Each subscription carries its message's id before a slash."""

    def __init__(
        self,
        viewers: Viewers,
        client: int,
        message_id: str,
        *,
        per_cursor: int = DELTAS_PER_CURSOR,
    ) -> None:
        self._viewers = viewers
        self._client = client
        self._message_id = message_id
        self._per_cursor = per_cursor
        self._base, self._cursor = "", 0
        self._subscription = self._subscribe()
        self.is_over = False
        """The answer is final, and all of it is here."""

    def take(self, update: Update) -> Seen | None:
        """What the viewer holds then; None for another query, or a cursor that was left."""
        if update.subscription != self._subscription or self.is_over:
            return None
        page: dict[str, Any] = update.value
        text = self._base + "".join(run["text"] for run in page["runs"] if run["kind"] == "text")
        self.is_over = page["status"] != "processing" and not page["hasMore"]
        is_far = page["next"] - self._cursor >= self._per_cursor or page["hasMore"]
        if is_far and not self.is_over:
            left = self._subscription
            self._base, self._cursor = text, int(page["next"])
            self._subscription = self._subscribe()
            self._viewers.unsubscribe(left)
        return Seen(text, page["status"], update.at)

    def close(self) -> None:
        """Follow it no more."""
        self._viewers.unsubscribe(self._subscription)

    def _subscribe(self) -> str:
        name = f"{self._message_id}/{next(_numbers)}"
        args = {"messageId": self._message_id, "from": self._cursor}
        self._viewers.subscribe(name, client=self._client, path="messages:deltas", args=args)
        return name


async def follow(
    viewers: Viewers, client: int, message_id: str, *, per_cursor: int = DELTAS_PER_CURSOR
) -> AsyncGenerator[Seen]:
    """Each update of the answer until it is final."""
    following = Following(viewers, client, message_id, per_cursor=per_cursor)
    try:
        while not following.is_over:
            seen = following.take(await viewers.update())
            if seen is not None:
                yield seen
    finally:
        following.close()
