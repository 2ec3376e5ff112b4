"""Following one answer as a page does: `messages:deltas` with a cursor that moves on."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from itertools import count
from typing import Any

from bench.viewers import Viewers

DELTAS_PER_CURSOR = 8  # then the subscription starts again behind what the viewer holds
_numbers = count()


@dataclass(frozen=True)
class Seen:
    """What the viewer holds after an update; `at` is when its callback came."""

    text: str
    status: str
    at: float


async def follow(
    viewers: Viewers, client: int, message_id: str, *, per_cursor: int = DELTAS_PER_CURSOR
) -> AsyncGenerator[Seen]:
    """Each update of the answer until it is final."""
    base, cursor = "", 0
    name = _subscribe(viewers, client, message_id, cursor)
    try:
        while True:
            update = await viewers.update()
            if update.subscription != name:
                continue  # another query, or a cursor that was left
            page: dict[str, Any] = update.value
            text = base + "".join(run["text"] for run in page["runs"] if run["kind"] == "text")
            yield Seen(text, page["status"], update.at)
            if page["status"] != "processing" and not page["hasMore"]:
                return
            if page["next"] - cursor >= per_cursor or page["hasMore"]:
                left = name
                base, cursor = text, int(page["next"])
                name = _subscribe(viewers, client, message_id, cursor)
                viewers.unsubscribe(left)
    finally:
        viewers.unsubscribe(name)


def _subscribe(viewers: Viewers, client: int, message_id: str, cursor: int) -> str:
    name = f"deltas {next(_numbers)}"
    args = {"messageId": message_id, "from": cursor}
    viewers.subscribe(name, client=client, path="messages:deltas", args=args)
    return name
