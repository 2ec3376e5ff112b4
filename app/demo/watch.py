"""Following an answer live, through a subscription of the official Convex client."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from pydantic import BaseModel, Field

from convex import ConvexClient

RUNS_PER_CURSOR = 12  # what one subscription may show before the cursor moves on


class Run(BaseModel):
    """A stretch of one part of an answer."""

    part: int
    kind: str  # as `deltaKind` in convex/model/validators.ts
    text: str


class Page(BaseModel):
    """What `messages:deltas` answers."""

    runs: list[Run]
    next: int
    has_more: bool = Field(alias="hasMore")
    status: str


@dataclass(frozen=True)
class Shown:
    """What a reader sees at one moment. `status` is "processing" until the answer is final."""

    text: str
    status: str
    at: float


class Reader:
    """A person at their screen: one official client, logged in as the local user."""

    def __init__(self, convex_url: str, token: str) -> None:
        self._client = ConvexClient(convex_url)
        self._client.set_auth(token)

    async def follow(
        self, message_id: str, on_change: Callable[[str, str], None]
    ) -> AsyncGenerator[Shown]:
        """What is on the screen after each update, until the answer is final.

        `on_change(before, after)` is called with each change of the text. Text before the cursor is
        kept here, so that an update carries only what is new.
        """
        base: dict[int, str] = {}
        cursor = 0
        shown = ""
        while True:
            subscription = self._client.subscribe(
                "messages:deltas", {"messageId": message_id, "from": float(cursor)}
            )
            async for value in subscription:
                page = Page.model_validate(value)
                parts = applied(base, page.runs)
                text = "".join(parts[part] for part in sorted(parts))
                if text != shown:
                    on_change(shown, text)
                    shown = text
                yield Shown(text=text, status=page.status, at=monotonic())
                if page.status != "processing" and not page.has_more:
                    return
                if page.has_more or page.next - cursor >= RUNS_PER_CURSOR:
                    base, cursor = parts, page.next
                    break
            await asyncio.sleep(0)  # the subscription ended because the cursor moves


def applied(base: dict[int, str], runs: Sequence[Run]) -> dict[int, str]:
    """The prose by part after these runs; a reset drops its part and later ones."""
    parts = dict(base)
    for run in runs:
        if run.kind == "reset":
            parts = {known: text for known, text in parts.items() if known < run.part}
        elif run.kind == "text":
            parts[run.part] = parts.get(run.part, "") + run.text
    return parts
