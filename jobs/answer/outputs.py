"""Whole outputs of calls, kept with them: the agent reads them again on any worker."""

from collections.abc import Sequence
from pathlib import Path

from core.ids import MessageId
from store.gateway import Store
from store.records import ResultText
from tools.output import FullTextPart, Part
from tools.outputs import KeptOutputs, NoSuchOutput, Outputs, bounded
from tools.place import Needs


class StoreOutputs(KeptOutputs):
    """Those of the conversation in which `message_id` is answered."""

    def __init__(self, store: Store, message_id: MessageId) -> None:
        self._store = store
        self._message_id = message_id

    async def read(self, handle: str) -> str:
        """See `KeptOutputs.read`. Raises: StoreUnavailable, too."""
        text = await self._store.messages.full_text(self._message_id, handle)
        if text is None:
            raise NoSuchOutput(handle)
        return text


async def texts_of(parts: Sequence[Part], folder: Path, need: Needs) -> list[ResultText]:
    """The whole outputs that parts name, as this worker has them."""
    texts: list[ResultText] = []
    for part in parts:
        if isinstance(part, FullTextPart):
            try:
                text = await need(Outputs).read(folder, part.handle)
            except (LookupError, NoSuchOutput):  # it has made room for newer ones already
                continue
            texts.append(ResultText(part.handle, bounded(text)))
    return texts
