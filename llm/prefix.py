"""Where a request stops being what the last one was: up to that byte, providers have it cached."""

import json
import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

log = logging.getLogger(__name__)

CONVERSATIONS = 32  # of which the last request is remembered; the one used longest ago goes

Json = Mapping[str, Any]
Protocol = Literal["chat", "messages"]

_AT_THE_END = ("content", "tool_calls")  # of a message; the rest stands before them


@dataclass(frozen=True)
class Piece:
    """A part of a request in the order in which providers cache it; `where` is a path to it."""

    where: str
    data: bytes


@dataclass(frozen=True)
class Broken:
    """The first byte that differs: in which piece, and how far into it and the request.

    `is_gone`: the later request ends before it. `of_bytes` is the length of the earlier request.
    """

    where: str
    in_piece: int
    at_byte: int
    of_bytes: int
    is_gone: bool = False


def pieces_of(body: Json, protocol: Protocol) -> list[Piece]:
    """A request body in pieces: tools, system prompt, messages; marks of the cache are none.

    With Anthropic's protocol a change of what may be called, or of thinking, stands before the
    messages: they are read anew then.
    """
    pieces = [
        Piece(f"tools[{at}] {_tool_name(tool)}", _json(tool))
        for at, tool in enumerate(body.get("tools", ()))
    ]
    pieces += _content("system", body.get("system"))
    if "input" in body:  # OpenAI's Responses
        pieces += _content("instructions", body.get("instructions"))
        for at, item in enumerate(body["input"]):
            pieces += _item(f"input[{at}] {item['type']}", item)
        return pieces
    if protocol == "messages":
        pieces += [
            Piece(name, _json(body[name])) for name in ("tool_choice", "thinking") if name in body
        ]
    for at, message in enumerate(body["messages"]):
        pieces += _message(f"messages[{at}]", message)
    return pieces


def broken_at(before: Sequence[Piece], after: Sequence[Piece]) -> Broken | None:
    """Where the later request differs from the earlier one; None: it is that one, and more.

    The last piece of the earlier one may have grown.
    """
    of_bytes = sum(len(piece.data) for piece in before)
    at_byte = 0
    for number, piece in enumerate(before):
        if number >= len(after):
            return Broken(piece.where, 0, at_byte, of_bytes, is_gone=True)
        now = after[number]
        is_whole = now.data == piece.data
        if number == len(before) - 1:
            is_whole = now.data.startswith(piece.data)
        if now.where != piece.where or not is_whole:
            same = _same_bytes(piece.data, now.data) if now.where == piece.where else 0
            return Broken(piece.where, same, at_byte + same, of_bytes)
        at_byte += len(piece.data)
    return None


class PrefixWatch:
    """Says in the debug log where the requests of a conversation do not go on from each other.

    It holds the last request of each and does so only where that is logged.
    """

    def __init__(self, model: str, protocol: Protocol) -> None:
        self._model = model
        self._protocol: Protocol = protocol
        self._last: OrderedDict[str, list[Piece]] = OrderedDict()

    def sent(self, conversation: str, body: Json) -> None:
        """A request of the conversation goes out; "" is none that is to be watched."""
        if not conversation or not log.isEnabledFor(logging.DEBUG):
            return
        pieces = pieces_of(body, self._protocol)
        before = self._last.pop(conversation, None)
        self._last[conversation] = pieces
        if len(self._last) > CONVERSATIONS:
            self._last.popitem(last=False)
        broken = broken_at(before, pieces) if before is not None else None
        if broken is not None:
            log.debug(
                "prefix_broken",
                extra={
                    "model": self._model,
                    "conversation": conversation,
                    "where": broken.where,
                    "in_piece": broken.in_piece,
                    "at_byte": broken.at_byte,
                    "of_bytes": broken.of_bytes,
                    "is_gone": broken.is_gone,
                },
            )


def _message(where: str, message: Json) -> Iterator[Piece]:
    head = {name: value for name, value in message.items() if name not in _AT_THE_END}
    yield Piece(f"{where} {message['role']}", _json(head))
    yield from _content(f"{where}.content", message.get("content"))
    for at, call in enumerate(message.get("tool_calls", ())):
        yield Piece(f"{where}.tool_calls[{at}]", _json(call))


def _item(where: str, item: Json) -> Iterator[Piece]:
    """What it is, and then its content: the last one of a message may grow."""
    yield Piece(where, _json({name: value for name, value in item.items() if name != "content"}))
    yield from _content(f"{where}.content", item.get("content"))


def _content(where: str, content: object) -> Iterator[Piece]:
    """A text, or blocks."""
    if isinstance(content, str):
        yield Piece(where, content.encode(errors="replace"))
    elif isinstance(content, list):
        for at, block in enumerate(cast("list[Json]", content)):
            yield Piece(f"{where}[{at}] {block['type']}", _json(block))


def _tool_name(tool: Json) -> str:
    return str(tool.get("name") or tool["function"]["name"])


def _json(value: object) -> bytes:
    if isinstance(value, Mapping):
        value = {k: v for k, v in cast("Json", value).items() if k != "cache_control"}
    return json.dumps(value, ensure_ascii=False).encode(errors="replace")


def _same_bytes(before: bytes, after: bytes) -> int:
    pairs = enumerate(zip(before, after, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(before), len(after)))
