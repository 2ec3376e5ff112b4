"""Ids say of what they are; new ones are random and sort by nothing."""

import uuid
from typing import NewType

OwnerId = NewType("OwnerId", str)
ProjectId = NewType("ProjectId", str)
FileId = NewType("FileId", str)
ConversationId = NewType("ConversationId", str)
MessageId = NewType("MessageId", str)
ToolCallId = NewType("ToolCallId", str)
EventId = NewType("EventId", str)
RunId = NewType("RunId", str)


def new_id(prefix: str) -> str:
    """A new random id such as `run_3f2a…`: the prefix says of what, 128 random bits follow."""
    return f"{prefix}_{uuid.uuid4().hex}"
