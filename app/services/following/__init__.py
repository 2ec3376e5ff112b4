"""Following a conversation: every text as the model says it, without a gap, from any place on."""

from app.services.following.events import (
    Answering,
    Cleared,
    Cursor,
    Ended,
    Event,
    InvalidCursor,
    Resumed,
    Said,
    Shown,
    Still,
    TakenBack,
    Text,
    Told,
)
from app.services.following.following import Following

__all__ = [
    "Answering",
    "Cleared",
    "Cursor",
    "Ended",
    "Event",
    "Following",
    "InvalidCursor",
    "Resumed",
    "Said",
    "Shown",
    "Still",
    "TakenBack",
    "Text",
    "Told",
]
