"""Starts and stops the embedded Convex as a child process."""

import asyncio
import json
import logging
from asyncio.subprocess import PIPE
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from core.node import NODE

log = logging.getLogger(__name__)

MAIN = Path(__file__).with_name("main.ts")
CACHE = Path(__file__).parents[1] / "node_modules" / ".cache" / "polaris-convex"
START_S = 60.0  # bundling a large folder on a busy machine; 1 s is usual
STOP_S = 10.0  # the program gives running functions 5 s
TAIL_LINES = 40  # of its log, shown when it ends too early
MAX_LINE = 1 << 16  # bytes of a log line; the rest of a longer one is dropped


class ConvexNotRunning(Exception):
    """The embedded Convex could not start, or has ended; the text holds the end of its log."""


class EmbeddedConvex:
    """The embedded Convex as an async context: it serves `url` inside, and has ended outside.

    It listens on 127.0.0.1 only. It also ends when this process dies, however it dies. Inside the
    context `pid` names the process; a crash test may kill it: leaving the context still works.

    Args:
        directory: the folder of Convex functions.
        data_file: the SQLite file; it and its folder are made when missing. Bundled code is kept
            beside it, in a folder named like it with `-code` at the end.
        admin_key: what `Authorization: Convex KEY` must carry to call internal functions; with ""
            nobody may.
        env: what functions see in `process.env`; nothing else of this process's environment is
            passed on.
        port: 0 for a free one.
        site_port: of the folder's HTTP actions, likewise; None takes the port after `port`.
        origins: whose pages may use it beside those of this machine.
        watch: load the functions again when their files change.
        cache: where bundled and compiled code is kept between starts; None keeps nothing. It is
            code that runs here: nobody else may write there.
    """

    def __init__(  # noqa: PLR0913 - one per option of the program
        self,
        directory: Path,
        data_file: Path,
        *,
        admin_key: str,
        env: Mapping[str, str],
        port: int = 0,
        site_port: int | None = 0,
        origins: Iterable[str] = (),
        watch: bool = False,
        cache: Path | None = None,
    ) -> None:
        self._arguments = [
            *("--dir", str(directory)),
            *("--data", str(data_file)),
            *(("--cache", str(cache)) if cache is not None else ()),
            *("--port", str(port)),
            "--exit-with-stdin",  # it ends when our end of the pipe closes
            *(["--watch"] if watch else []),
            *(f"--allow-origin={origin}" for origin in origins),
            *([] if site_port is None else ["--site-port", str(site_port)]),
        ]
        self._env = {**env, "CONVEX_ADMIN_KEY": admin_key, **compile_cache(cache)}
        self._program: _Program | None = None
        self._ready: Mapping[str, str] = {}

    @property
    def url(self) -> str:
        """Where clients reach it, such as `http://127.0.0.1:3210`."""
        return self._ready["url"]

    @property
    def site_url(self) -> str:
        """Where the folder's HTTP actions are reached; `CONVEX_SITE_URL` for its functions."""
        return self._ready["site"]

    @property
    def pid(self) -> int:
        """The process id; it stays the same after the process has ended."""
        return self._started.transport.get_pid()

    @property
    def _started(self) -> "_Program":
        if self._program is None:
            raise ConvexNotRunning("the embedded Convex was not started: use `async with`")
        return self._program

    async def __aenter__(self) -> Self:
        """Start it and wait until it serves.

        Raises:
            ConvexNotRunning: it has ended, or said nothing for a minute; its log says why.
        """
        _, self._program = await asyncio.get_running_loop().subprocess_exec(
            _Program,
            NODE,
            "--disable-warning=ExperimentalWarning",  # node:sqlite
            MAIN,
            *self._arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._env,
        )
        try:
            async with asyncio.timeout(START_S):
                self._ready = await self._ready_line(self._program)
        except TimeoutError as error:
            text = f"not ready after {START_S:.0f} s:\n{self._program.log_tail}"
            raise ConvexNotRunning(text) from error
        finally:
            if not self._ready:
                await self._end()
        return self

    async def __aexit__(self, *_: object) -> None:
        """SIGTERM, and SIGKILL when it has not ended after 10 s."""
        await self._end()

    async def wait(self) -> int:
        """Wait until it has ended; gives its exit code (negative: killed by that signal)."""
        program = self._started
        await program.ended.wait()
        return program.transport.get_returncode() or 0

    async def _ready_line(self, program: "_Program") -> Mapping[str, str]:
        await program.first_line_or_end.wait()
        if not program.first_line:
            code = await self.wait()
            tail = program.log_tail
            gap = "\n" if "\n" in tail else " "
            raise ConvexNotRunning(f"exit code {code}:{gap}{tail}")
        return json.loads(program.first_line)

    async def _end(self) -> None:
        program = self._started
        with suppress(ProcessLookupError):
            program.transport.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await program.ended.wait()
        except TimeoutError:
            log.warning("convex_killed", extra={"pid": self.pid})
            with suppress(ProcessLookupError):
                program.transport.kill()
            await program.ended.wait()
        finally:
            program.transport.close()


def compile_cache(cache: Path | None) -> dict[str, str]:
    """The variable that makes Node keep compiled code; Node checks what it finds there."""
    return {} if cache is None else {"NODE_COMPILE_CACHE": str(cache / "compiled")}


class _Program(asyncio.SubprocessProtocol):
    """Collects what the program prints: its first line on stdout, its log on stderr."""

    transport: asyncio.SubprocessTransport

    def __init__(self) -> None:
        self.first_line = b""
        self.first_line_or_end = asyncio.Event()
        self.ended = asyncio.Event()
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._partial = {1: b"", 2: b""}

    @property
    def log_tail(self) -> str:
        return "\n".join(self._tail)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101 - what asyncio gives
        self.transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        *lines, rest = (self._partial[fd] + data).split(b"\n")
        self._partial[fd] = rest[:MAX_LINE]
        for line in lines:
            if fd == 1:
                self.first_line = self.first_line or line
                self.first_line_or_end.set()
            else:
                self._log(line)

    def _log(self, line: bytes) -> None:
        text = line[:MAX_LINE].decode(errors="replace").rstrip()
        self._tail.append(text)
        log.info("convex_log", extra={"line": text})

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The process has ended and all that it printed was read."""
        self.ended.set()
        self.first_line_or_end.set()
