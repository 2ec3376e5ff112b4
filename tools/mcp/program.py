"""A server that is a program: started in the sandbox, spoken to by lines of JSON."""

import asyncio
import os
import shlex
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio

from tools.mcp.config import ProgramServer
from tools.mcp.streams import MAX_MESSAGE_BYTES, Flooded, SdkStreams, Sieve, Streams, open_streams
from tools.sandbox.port import Wrapped
from tools.sandbox.sandbox import Sandbox

CHUNK = 64 * 1024
ENDED_S = 5.0  # the kernel needs milliseconds
STDERR_KEPT = 2_000  # bytes

# The environment comes in a first line of standard input: as arguments, others could read it, and
# in the environment of the sandbox's own program it could change what that one does.
_BEGIN = 'IFS= read -r environment && eval "$environment" && exec "$0" "$@"'


class Program:
    """One start of a server's program.

    Args:
        folder: the project's files, which it sees and may change.
    """

    def __init__(self, server: ProgramServer, sandbox: Sandbox, folder: Path) -> None:
        self._server = server
        self._sandbox = sandbox
        self._folder = folder
        self._stderr = bytearray()
        self.ended = asyncio.Event()
        self.flood = ""

    @property
    def last_words(self) -> str:
        """See `Transport.last_words`."""
        return self._stderr.decode(errors="replace").strip()

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[SdkStreams]:
        """Run it while the block runs; nothing of it lives afterwards.

        Raises:
            NoSandbox: nothing can run here.
        """
        wrapped = await asyncio.to_thread(self._wrapped)
        process = await asyncio.create_subprocess_exec(
            *wrapped.argv,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=wrapped.env,
            limit=MAX_MESSAGE_BYTES,
            start_new_session=True,
        )
        try:
            async with open_streams() as streams, anyio.create_task_group() as tasks:
                tasks.start_soon(self._receive, process, streams)
                tasks.start_soon(self._send, process, streams)
                tasks.start_soon(self._listen, process)
                yield streams.read, streams.write
                tasks.cancel_scope.cancel()
        finally:
            self.ended.set()
            with anyio.CancelScope(shield=True):
                await self._kill(process)

    def _wrapped(self) -> Wrapped:
        argv = ("/bin/sh", "-c", _BEGIN, self._server.command, *self._server.args)
        folder = self._folder.resolve()
        registries = self._server.registries
        network = self._sandbox.reaches(registries)
        return self._sandbox.wrap(argv, folder=folder, network=network, registries=registries)

    async def _receive(self, process: Process, streams: Streams) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        sieve = Sieve()
        with streams.received, suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            try:
                while line := await process.stdout.readline():
                    message = sieve.message(line)
                    if message is not None:
                        await streams.received.send(message)
                    else:
                        await asyncio.sleep(0)
            except Flooded as flooded:
                self.flood = str(flooded)
            except ValueError:  # how asyncio says that a line has no end
                self.flood = f"it sent a message of more than {MAX_MESSAGE_BYTES:,} bytes"
        self.ended.set()

    async def _send(self, process: Process, streams: Streams) -> None:
        assert process.stdin is not None  # noqa: S101 - it was asked for
        exports = " ".join(
            f"{name}={shlex.quote(value)}" for name, value in self._server.env.items()
        )
        with streams.to_send, suppress(OSError):
            process.stdin.write(f"{'export ' if exports else ':'}{exports}\n".encode())
            async for message in streams.to_send:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(text.encode() + b"\n")
                await process.stdin.drain()

    async def _listen(self, process: Process) -> None:
        assert process.stderr is not None  # noqa: S101 - it was asked for
        while data := await process.stderr.read(CHUNK):
            self._stderr = (self._stderr + data)[-STDERR_KEPT:]

    async def _kill(self, process: Process) -> None:
        """End it with all that it has started, and wait for it, for a bounded time."""
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - asked
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDED_S):
                # `wait` waits for the pipes as well, which are full if nobody reads them.
                while await process.stdout.read(CHUNK):
                    pass
                await self._listen(process)
                await process.wait()
