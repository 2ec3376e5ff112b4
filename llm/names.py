"""Ids and names of tool calls in a form that every provider takes back.

A history may hold calls that another provider made, or that name a tool which does not exist; one
strange character in them would make each later request invalid.
"""

import hashlib
import re

_ID = re.compile(r"[a-zA-Z0-9_-]{1,40}")  # Anthropic's alphabet, OpenAI's length
_STRANGE = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_CHARS = 64


def sent_id(call_id: str) -> str:
    """The id itself, or one made of its digest: the same each time, different for different ids."""
    if _ID.fullmatch(call_id):
        return call_id
    return f"call_{hashlib.sha256(call_id.encode(errors='replace')).hexdigest()[:32]}"


def sent_name(name: str) -> str:
    """The name with each character that is not allowed replaced."""
    return _STRANGE.sub("_", name)[:_NAME_CHARS] or "unknown"
