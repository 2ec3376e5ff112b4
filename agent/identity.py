"""When two calls are the same, and when two failures are."""

import hashlib
import json
import re

from agent.durable import ToolRef
from llm.model import ToolCall
from tools.output import ToolOutput

_CHARS = 16
_FIRST_SENTENCE = re.compile(r"^(.*?)(?:[.!?:](?:\s|$)|\n|$)", re.DOTALL)
_NUMBER = re.compile(r"\d+")
_LEAST_QUOTED_CHARS = 2  # shorter arguments stand in every text


def tool_ref(call: ToolCall, output: ToolOutput, *, seen: dict[str, str]) -> ToolRef:
    """The reference to a call with its result."""
    identity = json.dumps(
        [call.name, call.arguments, output.text], sort_keys=True, default=dict, ensure_ascii=False
    )
    return ToolRef(
        call_id=call.call_id,
        is_error=output.is_error,
        signature=_hash(identity),
        seen=seen,
        failure=_hash(f"{call.name}\n{_kind_of_error(call, output.text)}")
        if output.is_error
        else "",
    )


def _kind_of_error(call: ToolCall, text: str) -> str:
    """The first sentence of an error without what comes from the arguments."""
    values = [value for value in call.arguments.values() if isinstance(value, str)]
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _LEAST_QUOTED_CHARS:
            text = text.replace(value, "…")
    first = _FIRST_SENTENCE.match(text)
    return _NUMBER.sub("0", first.group(1) if first else text)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:_CHARS]
