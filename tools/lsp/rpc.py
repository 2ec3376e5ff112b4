"""JSON-RPC with one program over its standard streams, on pygls; everything has a bound.

pygls frames and matches messages. The process, and what happens to a message that does not fit, are
ours: pygls leaves a request whose answer it cannot read waiting for ever, never reads the standard
error stream, and waits without end for a process that does not end.
"""

import asyncio
import logging
import os
import signal
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, cast

import attrs
from cattrs import Converter
from lsprotocol.types import ResponseError, ResponseErrorMessage
from pygls.client import JsonRPCClient
from pygls.exceptions import JsonRpcException
from pygls.io_ import run_async
from pygls.protocol.json_rpc import (
    JsonRPCNotification,
    JsonRPCProtocol,
    JsonRPCRequestMessage,
    JsonRPCResponseMessage,
)

from tools.lsp.errors import Declined, Died, Nonsense, Silent
from tools.lsp.talk import Handler

# It logs what it cannot read with the message itself, which has texts of the project in it.
logging.getLogger("pygls").setLevel(logging.CRITICAL)

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 32 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024
MAX_STRAY_LINES = 1_000  # between two messages: beyond that it is no server
STDERR_KEPT = 2_000  # bytes
CLEANUP_S = 3.0
MAX_WAITING = 1_000  # requests without an answer


class Connection:
    """See `tools.lsp.talk.Talk`."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._client = JsonRPCClient(_Protocol, Converter)
        protocol = self._client.protocol
        assert isinstance(protocol, _Protocol)  # noqa: S101 - pygls forgets which one it was given
        self._protocol = protocol
        for method, handler in handlers.items():
            self._client.feature(method)(partial(handler))  # it sets attributes on what it gets
        self._ids = count(1)
        self._stderr = bytearray()
        self._is_open = False
        self._stop = asyncio.Event()
        self._broken: Exception | None = None
        self._received = 0

    @property
    def received(self) -> int:
        """See `Talk.received`."""
        return self._received

    @property
    def last_words(self) -> str:
        """See `Talk.last_words`."""
        return self._stderr.decode(errors="replace").strip()

    async def run(
        self,
        argv: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        opened: asyncio.Event,
    ) -> None:
        """See `Talk.run`."""
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=folder,
            env=dict(environment),
            limit=MAX_LINE_BYTES,
            start_new_session=True,
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                assert process.stdin is not None  # noqa: S101 - it was asked for
                self._protocol.set_writer(process.stdin)
                self._is_open = True
                opened.set()
                draining = tasks.create_task(self._drain(process))
                ends = [tasks.create_task(each) for each in (self._read(process), self._told())]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for task in (draining, *ends):
                    task.cancel()
        finally:
            self._is_open = False
            self._protocol.end(self._broken or Died())
            await _kill(process)

    async def request(self, method: str, params: object, *, timeout_s: float) -> Any:
        """See `Talk.request`."""
        if not self._is_open or self._broken or self._protocol.waiting >= MAX_WAITING:
            raise self._broken or Died
        number = str(next(self._ids))
        try:
            sent = self._protocol.send_request(method, params, msg_id=number)
        except OSError:
            raise Died from None
        answer = asyncio.wrap_future(sent)
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            self._give_up(number)
            raise Silent(method) from None
        except asyncio.CancelledError:
            self._give_up(number)
            raise
        except JsonRpcException as error:
            raise Declined(error.message) from None

    def notify(self, method: str, params: object) -> None:
        """See `Talk.notify`."""
        if self._broken is not None:
            raise self._broken
        if self._is_open:
            with suppress(OSError):  # it has just ended
                self._protocol.notify(method, params)

    def stop(self) -> None:
        """See `Talk.stop`."""
        self._is_open = False
        self._stop.set()

    async def _told(self) -> None:
        await self._stop.wait()

    def _give_up(self, number: str) -> None:
        self._protocol.forget(number)
        with suppress(Nonsense):
            self.notify("$/cancelRequest", {"id": number})

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        reader = _Reader(process.stdout, self._count)
        try:
            await run_async(
                stop_event=self._protocol.stopped,
                reader=reader,
                protocol=self._protocol,
                error_handler=self._not_understood,
            )
        except (ValueError, OSError, asyncio.IncompleteReadError, Nonsense) as error:
            self._not_understood(error)

    def _count(self) -> None:
        self._received += 1

    def _not_understood(self, error: Exception, _: object = None) -> None:
        """The talk ends here: what follows such a message cannot be trusted."""
        if not isinstance(error, asyncio.IncompleteReadError | OSError):  # those are its end
            self._broken = error if isinstance(error, Nonsense) else Nonsense("no JSON-RPC")
        self._protocol.stopped.set()

    async def _drain(self, process: Process) -> None:
        assert process.stderr is not None  # noqa: S101 - it was asked for
        while piece := await process.stderr.read(MAX_LINE_BYTES):
            self._stderr += piece
            del self._stderr[:-STDERR_KEPT]


class _Protocol(JsonRPCProtocol):
    """Messages stay plain objects; an answer that does not fit fails its request."""

    def __init__(self, server: Any, converter: Converter) -> None:
        super().__init__(server, converter)
        self.stopped = threading.Event()  # what ends the loop of pygls

    @property
    def waiting(self) -> int:
        """How many requests have no answer yet."""
        return len(self._request_futures)

    def structure_message(self, data: dict[str, Any]) -> Any:
        """A message, or a part of one, as what pygls takes."""
        match data:
            case {"jsonrpc": version, "id": number, "method": method}:
                return JsonRPCRequestMessage(number, method, version, data.get("params"))
            case {"jsonrpc": version, "method": method}:
                return JsonRPCNotification(method, version, data.get("params"))
            case {"jsonrpc": version, "id": number, "error": error}:
                self._result_types.pop(number, None)
                return ResponseErrorMessage(error=_error(error), id=number, jsonrpc=version)
            case {"jsonrpc": version, "id": number}:
                self._result_types.pop(number, None)
                return JsonRPCResponseMessage(number, version, data.get("result"))
            case {"jsonrpc": _}:
                raise Nonsense("a message without id and method")
            case _:
                return data

    def forget(self, number: str) -> None:
        """Nobody waits for this answer any more."""
        self._request_futures.pop(number, None)
        self._result_types.pop(number, None)

    def end(self, reason: Exception) -> None:
        """No answer will come."""
        waiting, self._request_futures = self._request_futures, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(reason)

    def _serialize_message(self, data: Any) -> dict[str, Any]:
        names = [
            field.name for field in attrs.fields(cast("type[JsonRPCNotification]", type(data)))
        ]
        fields = {name: getattr(data, name) for name in names}
        if "method" in fields and fields["params"] is None:  # some servers refuse a null there
            del fields["params"]
        return fields


class _Reader:
    """A stream that pygls reads, with bounds on what a server may send."""

    def __init__(self, stream: asyncio.StreamReader, arrived: Callable[[], None]) -> None:
        self._stream = stream
        self._arrived = arrived
        self._lines = 0

    async def readline(self) -> bytes:
        """One line of a header. Raises: Nonsense, ValueError."""
        self._lines += 1
        if self._lines > MAX_STRAY_LINES:
            raise Nonsense("text between its messages")
        return await self._stream.readline()

    async def readexactly(self, n: int) -> bytes:
        """A body of `n` bytes. Raises: Nonsense, IncompleteReadError."""
        if n > MAX_MESSAGE_BYTES:
            raise Nonsense(f"a message of {n:,} bytes")
        self._lines = 0
        body = await self._stream.readexactly(n)
        self._arrived()
        return body


def _error(error: object) -> ResponseError:
    match error:
        case {"code": int(code), "message": str(message)}:
            return ResponseError(code=code, message=message[:500])
        case _:
            return ResponseError(code=-32603, message="an error without a code or message")


async def _kill(process: Process) -> None:
    """End the program with its process group, and wait for it, for a bounded time."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        async with asyncio.timeout(CLEANUP_S):
            # `wait` waits for the pipes as well, which are full if nobody reads them.
            for stream in (process.stdout, process.stderr):
                while stream is not None and await stream.read(MAX_LINE_BYTES):
                    pass
            await process.wait()
    except TimeoutError:
        log.warning("language_server_not_ended", extra={"pid": process.pid})
