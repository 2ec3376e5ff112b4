"""Ids say of what they are; most are random, some sort by when they were made."""

import secrets
import uuid
from threading import Lock
from time import time_ns
from typing import NewType

OwnerId = NewType("OwnerId", str)
ProjectId = NewType("ProjectId", str)
FileId = NewType("FileId", str)
ConversationId = NewType("ConversationId", str)
MessageId = NewType("MessageId", str)
ProjectGenerationId = NewType("ProjectGenerationId", str)
ToolCallId = NewType("ToolCallId", str)
EventId = NewType("EventId", str)
RunId = NewType("RunId", str)
CheckpointId = NewType("CheckpointId", str)
AskId = NewType("AskId", str)
AttachmentId = NewType("AttachmentId", str)


def new_id(prefix: str) -> str:
    """A new random id such as `run_3f2a…`: the prefix says of what, 128 random bits follow."""
    return f"{prefix}_{uuid.uuid4().hex}"


class OrderedIds:
    """Ids that sort in the order in which this process made them, like those of UUID version 7.

    48 bits of milliseconds, a counter of 20 bits within one, 60 random bits, in 32 hex digits.
    """

    _COUNTED = 1 << 20

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = 0

    def new(self, prefix: str) -> str:
        """One that is greater than each before it, also when the clock has been set back."""
        with self._lock:
            now = time_ns() // 1_000_000 * self._COUNTED
            self._last = max(now, self._last + 1)
            return f"{prefix}_{self._last:017x}{secrets.randbits(60):015x}"
