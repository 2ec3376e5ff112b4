"""The port to the people who watch: what the model says, while it says it."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Protocol

from core.ids import ToolCallId


class Sink(Protocol):
    """Where a streamed answer goes. A part is a turn: part n holds what turn n says.

    All texts of an answer in the order in which they were sent, less what was reset, are exactly
    the text of the answer so far: the loop sends the blank line between two turns too. Calls return
    at once unless the sink has to hold the model back; they may raise to end the run.
    """

    def reading(self) -> AbstractAsyncContextManager[None]:
        """Around each reading of what a model says: nobody may want more of it any more.

        It may end the block from within, and raises then, or waits for the cancel of the run.
        """
        ...

    async def text(self, part: int, text: str) -> None:
        """The next characters of the prose."""
        ...

    async def thinking(self, part: int, text: str) -> None:
        """The next characters of the reasoning."""
        ...

    async def tool_call_started(self, part: int, call_id: ToolCallId, name: str) -> None:
        """The model begins to write a call; nothing runs yet."""
        ...

    async def tool_input(self, part: int, call_id: ToolCallId, text: str) -> None:
        """The next characters of the arguments of a call: JSON, once all of it is there."""
        ...

    async def condensing(self, part: int) -> None:
        """The model writes a summary of the conversation before it writes this part."""
        ...

    async def reset(self, part: int) -> None:
        """Forget what was sent of this part and later ones: it is about to be said anew.

        Called before each attempt at a turn, the first one too, because only the sink can know
        whether a process that died has sent something. Without anything to forget it does nothing.
        """
        ...

    async def flush(self) -> None:
        """Return when everything sent so far is where the person can see it."""
        ...


class RecordingSink:
    """A sink that keeps what it is told, per part; `has_text` is set by the first text."""

    def __init__(self) -> None:
        self.texts: dict[int, str] = {}
        self.thoughts: dict[int, str] = {}
        self.calls_started: list[tuple[int, ToolCallId, str]] = []
        self.inputs: dict[tuple[int, ToolCallId], str] = {}
        self.resets: list[int] = []
        self.condensed_before: list[int] = []
        self.has_text = asyncio.Event()

    @property
    def shown(self) -> str:
        """The whole text as a reader sees it now."""
        return "".join(text for _, text in sorted(self.texts.items()))

    def reading(self) -> AbstractAsyncContextManager[None]:
        """It is never ended from within."""
        return nullcontext()

    async def text(self, part: int, text: str) -> None:
        """Append to the part."""
        self.texts[part] = self.texts.get(part, "") + text
        self.has_text.set()

    async def thinking(self, part: int, text: str) -> None:
        """Append to the part's reasoning."""
        self.thoughts[part] = self.thoughts.get(part, "") + text

    async def tool_call_started(self, part: int, call_id: ToolCallId, name: str) -> None:
        """Note the call."""
        self.calls_started.append((part, call_id, name))

    async def tool_input(self, part: int, call_id: ToolCallId, text: str) -> None:
        """Append to the call's arguments."""
        self.inputs[part, call_id] = self.inputs.get((part, call_id), "") + text

    async def condensing(self, part: int) -> None:
        """Note it."""
        self.condensed_before.append(part)

    async def reset(self, part: int) -> None:
        """Drop this part and later ones; counted only if there was something."""
        if any(known >= part for known in (*self.texts, *self.thoughts)):
            self.resets.append(part)
        self.texts = {known: text for known, text in self.texts.items() if known < part}
        self.thoughts = {known: text for known, text in self.thoughts.items() if known < part}
        self.inputs = {key: text for key, text in self.inputs.items() if key[0] < part}
        self.calls_started = [call for call in self.calls_started if call[0] < part]

    async def flush(self) -> None:
        """Nothing is held back."""
