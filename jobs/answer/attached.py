"""What a person has attached to messages: texts for the model, and images that it is shown."""

import asyncio
import base64
from collections.abc import Iterable, Sequence

from agent.images import MAX_IMAGES, MAX_IMAGES_CHARS
from core.ids import MessageId
from llm.model import Image
from store.gateway import Store
from store.records import Attachment, HistoryMessage, Message, SteerRecord

LABEL_CHARS = 60  # of one attachment, where they are named in short
Said = Message | SteerRecord


def told(said: Said, shown: Sequence[int] = ()) -> str:
    """What the person said, and after it what is attached: texts with the numbers of their lines.

    Images are named; those that are not at the places `shown` as such that the model is not shown.
    Else a message gives the same text always: providers cache what a conversation begins with.
    """
    blocks = [said.content]
    for place, attachment in enumerate(said.attachments or ()):
        if attachment.type == "file":
            blocks.append(_file(attachment))
        else:
            blocks.append(_image(attachment, is_shown=place in shown))
    return "\n\n".join(blocks)


def named(said: Said) -> str:
    """What is attached, in short."""
    return ", ".join(_label(each)[:LABEL_CHARS] for each in said.attachments or ())


def _label(attachment: Attachment) -> str:
    if attachment.type == "image":
        return f"image {attachment.name}" if attachment.name else "an image"
    return f"{attachment.path}{_lines(attachment)}"


def _lines(attachment: Attachment) -> str:
    first, last = attachment.start_line, attachment.end_line
    return "" if first is None and last is None else f":{first or 1}-{last or ''}"


def _image(attachment: Attachment, *, is_shown: bool) -> str:
    size = f"{attachment.media_type}, {attachment.width} x {attachment.height} pixels"
    end = "" if is_shown else "; it is not shown here any more"
    return f"[Attached: {_label(attachment)} ({size}){end}]"


def _file(attachment: Attachment) -> str:
    head = f"[Attached: {_label(attachment)}, as it was when this was sent"
    if attachment.text is None:
        return f"{head}; the text is left out to save room]"
    numbered = "\n".join(
        f"{number}\t{line}"
        for number, line in enumerate(attachment.text.split("\n"), attachment.start_line or 1)
    )
    cut = "\n[The rest is too long to be attached: read the file.]" if attachment.is_cut else ""
    return f"{head}]\n{numbered}{cut}"


class AttachedImages:
    """Those of one conversation; what this process has read once is not read again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[MessageId, int], Image | None] = {}
        self._of: dict[MessageId, dict[int, Image]] = {}

    def of(self, message_id: MessageId) -> dict[int, Image]:
        """The images of a message that the model is shown, by their places."""
        return dict(sorted(self._of.get(message_id, {}).items()))

    async def read(self, said: Iterable[Said]) -> None:
        """Read those of messages, which are in order: the newest, as many as a model is shown.

        Raises: NotFound: a message is gone.
        """
        wanted = _newest([(each.message_id, each.attachments or ()) for each in said])
        for message_id, place, attachment in wanted:
            key = (message_id, place)
            if key not in self._known:
                data = await self._store.attachments.read_for_run(message_id, place)
                self._known[key] = None if data is None else await _encoded(attachment, data)
            image = self._known[key]
            if image is not None:
                self._of.setdefault(message_id, {})[place] = image

    def forget(self) -> None:
        """Nothing is shown until it is read again."""
        self._of = {}


async def _encoded(attachment: Attachment, data: bytes) -> Image:
    text = await asyncio.to_thread(lambda: base64.b64encode(data).decode())
    return Image(attachment.media_type or "image/png", text)


def _newest(
    said: Sequence[tuple[MessageId, Sequence[Attachment]]],
) -> list[tuple[MessageId, int, Attachment]]:
    wanted: list[tuple[MessageId, int, Attachment]] = []
    chars = 0
    for message_id, attachments in reversed(said):
        for place, attachment in reversed(list(enumerate(attachments))):
            if attachment.type == "image":
                chars += (attachment.size_bytes or 0) * 4 // 3
                if len(wanted) == MAX_IMAGES or chars > MAX_IMAGES_CHARS:
                    return wanted
                wanted.append((message_id, place, attachment))
    return wanted


def said_in(history: Iterable[HistoryMessage]) -> list[Said]:
    """What the person said, in order."""
    found: list[Said] = []
    for each in history:
        if each.message.role == "user":
            found.append(each.message)
        found += each.steers
    return found
