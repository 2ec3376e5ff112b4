"""What those who follow a conversation are told, and where in it they are then."""

import re
from dataclasses import dataclass
from typing import Self

from core.errors import Refused
from core.ids import MessageId
from store.live_text import Place
from store.records import DeltaRun, Message

_CURSOR = re.compile(r"(\d{1,9})(?:\.(\d{1,9})(?:\.(\d{1,9})\.(\d{1,9}))?)?")


class InvalidCursor(Refused):
    """`after` is no place in a conversation."""

    code = "invalid_request"
    field = "after"

    def __init__(self) -> None:
        super().__init__("after: give the id of the last event, or 0 for all of the conversation")


@dataclass(frozen=True)
class Cursor:
    """A place in a conversation: after so many messages, or within an answer.

    `epoch` is of the attempt that wrote the last of these messages, or said the text up to
    `place`. 0: Convex had that text when it was told, so it holds whoever writes.
    """

    order: int
    epoch: int = 0
    place: Place | None = None
    """Within the message `order`; None: before it."""

    @classmethod
    def read(cls, text: str) -> Self:
        """A cursor from outside. Raises: InvalidCursor."""
        found = _CURSOR.fullmatch(text)
        if found is None:
            raise InvalidCursor
        order, epoch, seq, offset = found.groups()
        place = None if seq is None else Place(int(seq), int(offset))
        return cls(int(order), int(epoch or 0), place)

    def __str__(self) -> str:
        """As `read` takes it."""
        base = f"{self.order}.{self.epoch}"
        return base if self.place is None else f"{base}.{self.place.seq}.{self.place.offset}"


@dataclass(frozen=True)
class Said:
    """A message of the person, or an answer that has ended, with its whole text."""

    message: Message


@dataclass(frozen=True)
class Answering:
    """An answer is being written: its text begins anew with what follows."""

    message: Message


@dataclass(frozen=True)
class Text:
    """The next characters of the answer, of a part of it; None: of all of it, told at its end."""

    text: str
    part: int | None = None


@dataclass(frozen=True)
class Shown:
    """Anything else that is shown of an answer: reasoning, calls that are written, output."""

    run: DeltaRun


@dataclass(frozen=True)
class TakenBack:
    """The text of parts >= `part` does not count any more; so many characters stay."""

    part: int
    chars: int


@dataclass(frozen=True)
class Resumed:
    """Who comes back has this much of the answer's text; what follows comes after it."""

    message_id: MessageId
    chars: int


@dataclass(frozen=True)
class Ended:
    """The answer is final; its text was told."""

    message: Message


@dataclass(frozen=True)
class Still:
    """Nothing has happened for a while."""


@dataclass(frozen=True)
class Cleared:
    """The conversation is gone; nothing more comes."""


Event = Said | Answering | Text | Shown | TakenBack | Resumed | Ended | Still | Cleared


@dataclass(frozen=True)
class Told:
    """An event, and from where to go on after it."""

    event: Event
    cursor: Cursor
