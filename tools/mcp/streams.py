"""Messages between the SDK and a server: how large and how many may be on their way."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import mcp_types as types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

# It logs what it cannot read with the message itself, which has texts of servers in it.
for _name in ("mcp", "client"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

MAX_MESSAGE_BYTES = 4 * 1024 * 1024  # an image of 3 MiB, or a text that is cut anyway
MAX_UNASKED = 10_000  # messages, or lines that are none, between two answers
REQUEST_COUNTS = 100  # as so many: each of them is answered

Received = SessionMessage | Exception
SdkStreams = tuple[Any, Any]
"""What a transport gives the SDK: where it reads, and where it writes."""


class Flooded(Exception):
    """The server says more than a server has to say; the text is for the model."""


@dataclass(frozen=True)
class Streams:
    """Both ends of both directions: the SDK has the first two, a transport the others."""

    read: MemoryObjectReceiveStream[Received]
    write: MemoryObjectSendStream[SessionMessage]
    received: MemoryObjectSendStream[Received]
    to_send: MemoryObjectReceiveStream[SessionMessage]


@asynccontextmanager
async def open_streams() -> AsyncGenerator[Streams]:
    """Streams that hold nothing back; closed at the end."""
    received, read = anyio.create_memory_object_stream[Received](0)
    write, to_send = anyio.create_memory_object_stream[SessionMessage](0)
    with received, read, write, to_send:
        yield Streams(read, write, received, to_send)


class Sieve:
    """Lets through what we act on: answers, and requests, which the SDK refuses for us.

    Notifications are of no use here: progress is not shown, and a changed list of tools counts from
    the next run on. So a flood of them costs a parse each and is then noticed.
    """

    def __init__(self) -> None:
        self._unasked = 0

    def message(self, line: bytes) -> SessionMessage | None:
        """The message of a line, if it is one for us. Raises: Flooded."""
        try:
            message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValueError:  # a remark of a program that takes standard output for a log
            message = None
        if isinstance(message, types.JSONRPCResponse | types.JSONRPCError):
            self._unasked = 0
            return SessionMessage(message)
        is_request = isinstance(message, types.JSONRPCRequest)
        self._unasked += REQUEST_COUNTS if is_request else 1
        if self._unasked > MAX_UNASKED:
            raise Flooded(f"it said more than {MAX_UNASKED:,} things that nobody had asked for")
        return SessionMessage(message) if is_request else None
