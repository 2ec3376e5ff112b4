"""Images that calls of the running answer came to: kept with their results, shown to the model."""

import base64
from collections.abc import Sequence
from dataclasses import replace

from agent.images import MAX_IMAGES
from agent.transcript import RecordedTurn
from core.ids import MessageId, OwnerId, ToolCallId
from store.gateway import Store
from store.records import ResultImage, ToolCallRecord
from tools.output import PARTS, ImagePart, Part, large_images

Call = tuple[int, ToolCallId]
"""A turn, and a call of it."""


def blobs_of(parts: Sequence[Part]) -> list[ResultImage]:
    """The large images among parts, as the store keeps them."""
    return [
        ResultImage(image.media_type, base64.b64decode(image.data)) for image in large_images(parts)
    ]


class ResultImages:
    """Those of one answer; what this process has made or read once is not read again."""

    def __init__(self, store: Store, message_id: MessageId, *, owner: OwnerId) -> None:
        self._store = store
        self._message_id = message_id
        self._owner = owner
        self._known: dict[Call, tuple[ImagePart, ...]] = {}

    def note(self, turn: int, call_id: ToolCallId, parts: Sequence[Part]) -> None:
        """A call came to these parts."""
        images = tuple(part for part in parts if isinstance(part, ImagePart))
        if images:
            self._known[turn, call_id] = images

    async def added_to(
        self, turns: Sequence[RecordedTurn], calls: Sequence[ToolCallRecord]
    ) -> tuple[RecordedTurn, ...]:
        """The turns with the images of their results, as many as a model is shown.

        Raises: NotFound: the message is gone.
        """
        shown = _newest(calls)
        self._known = {call: self._known[call] for call in shown if call in self._known}
        for call in shown:
            if call not in self._known:
                self._known[call] = await self._read(*call)
        return tuple(self._with_images(turn) for turn in turns) if shown else tuple(turns)

    def _with_images(self, recorded: RecordedTurn) -> RecordedTurn:
        outputs = {
            call_id: replace(output, parts=self._known.get((recorded.number, call_id), ()))
            for call_id, output in recorded.outputs.items()
        }
        return replace(recorded, outputs=outputs)

    async def _read(self, turn: int, call_id: ToolCallId) -> tuple[ImagePart, ...]:
        parts = PARTS.validate_python(
            await self._store.messages.result_parts(
                self._message_id, owner=self._owner, turn=turn, tool_call_id=call_id
            )
        )
        return tuple(part for part in parts if isinstance(part, ImagePart))


def _newest(calls: Sequence[ToolCallRecord]) -> list[Call]:
    """The latest calls that came to images, up to as many as a model is shown."""
    shown: list[Call] = []
    left = MAX_IMAGES
    for call in reversed(calls):
        if call.images and left > 0:
            left -= call.images
            shown.append((call.turn, call.tool_call_id))
    return shown
