"""Inside the sandbox, beside a program: connections from outside lead to ports of its loopback.

A program of its own that imports nothing of ours: `relay.py FD PROGRAM …`. FD listens; whoever
connects says a port in two bytes, gets one byte (1: connected), then the bytes of the connection.
"""

import asyncio
import os
import signal
import socket
import sys

MOST = 64
CONNECT_S = 10.0
CHUNK = 64 * 1024
NOT_FOUND = 127
SIGNALLED = 128
_open = 0


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    global _open  # noqa: PLW0603 - one process, one count
    _open += 1
    try:
        port = int.from_bytes(await reader.readexactly(2), "big")
        found = await _connect(port) if _open <= MOST else None
        writer.write(b"\0" if found is None else b"\1")
        await writer.drain()
        if found is not None:
            there, to_there = found
            try:
                await asyncio.gather(_pump(reader, to_there), _pump(there, writer))
            finally:
                to_there.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        pass  # one of the two sides is gone
    finally:
        _open -= 1
        writer.close()


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    for host in ("127.0.0.1", "::1"):  # a server listens on one of them, or on both
        try:
            async with asyncio.timeout(CONNECT_S):
                return await asyncio.open_connection(host, port)
        except (OSError, TimeoutError):
            continue
    return None


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK):
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()


def _ignore(_number: int, _frame: object) -> None:
    """Unlike SIG_IGN, it is not handed down."""


async def _main(listening: int, program: list[str]) -> int:
    listener = socket.socket(fileno=listening)
    os.set_inheritable(listening, False)
    await asyncio.start_unix_server(_answer, sock=listener)
    for name in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGHUP):
        signal.signal(name, _ignore)  # a terminal means the program; it gets its own
    try:
        started = await asyncio.create_subprocess_exec(*program)
    except OSError as error:
        os.write(2, f"{program[0]}: {error.strerror}\n".encode())
        return NOT_FOUND
    code = await started.wait()
    return SIGNALLED - code if code < 0 else code


if __name__ == "__main__":
    os._exit(asyncio.run(_main(int(sys.argv[1]), sys.argv[2:])))
