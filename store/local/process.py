"""Starts and stops the embedded Convex as a child process."""

import asyncio
import json
import logging
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from core.node import NODE

log = logging.getLogger(__name__)

MAIN = Path(__file__).with_name("main.ts")
START_S = 60.0  # bundling a large folder on a busy machine; 1 s is usual
STOP_S = 10.0  # the program gives running functions 5 s
LINE_LIMIT = 1 << 20  # a log line longer than this is cut by the reader
TAIL_LINES = 40  # of its log, shown when it ends too early


class ConvexNotRunning(Exception):
    """The embedded Convex could not start, or ended by itself; the text holds the end of its log."""


class EmbeddedConvex:
    """The embedded Convex as an async context: it serves `url` inside, and has ended outside.

    It listens on 127.0.0.1 only. It also ends when this process dies, however it dies. Inside the context
    `pid` names the process; a crash test may kill it, and leaving the context still works.

    Args:
        directory: the folder of Convex functions.
        data_file: the SQLite file; it and its folder are made when missing.
        admin_key: what `Authorization: Convex KEY` must carry to call internal functions; "" allows nobody.
        env: what functions see in `process.env`; nothing else of this process's environment is passed on.
        port: 0 for a free one.
        watch: load the functions again when their files change.
    """

    def __init__(  # noqa: PLR0913 - one per option of the program
        self,
        directory: Path,
        data_file: Path,
        *,
        admin_key: str,
        env: Mapping[str, str],
        port: int = 0,
        watch: bool = False,
    ) -> None:
        self._directory = directory
        self._data_file = data_file
        self._env = {**env, "CONVEX_ADMIN_KEY": admin_key}
        self._port = port
        self._watch = watch
        self._process: Process | None = None
        self._readers: asyncio.TaskGroup | None = None
        self._url = ""
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)

    @property
    def url(self) -> str:
        """Where clients reach it, such as `http://127.0.0.1:3210`."""
        return self._url

    @property
    def pid(self) -> int:
        """The process id; it stays the same after the process has ended."""
        return self._running.pid

    @property
    def _running(self) -> Process:
        if self._process is None:
            raise ConvexNotRunning("the embedded Convex was not started: use `async with`")
        return self._process

    async def __aenter__(self) -> Self:
        """Start it and wait until it serves.

        Raises:
            ConvexNotRunning: it ended or said nothing for a minute; its log says why.
        """
        self._process = await self._spawn()
        self._readers = asyncio.TaskGroup()
        await self._readers.__aenter__()
        self._readers.create_task(self._drain_log(self._process))
        try:
            async with asyncio.timeout(START_S):
                self._url = await self._ready(self._process)
        except TimeoutError as error:
            await self._end()
            raise ConvexNotRunning(f"not ready after {START_S:.0f} s:\n{self._log_tail}") from error
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """SIGTERM, and SIGKILL when it has not ended after 10 s."""
        await self._end()

    async def wait(self) -> int:
        """Wait until it has ended; gives its exit code (negative: killed by that signal)."""
        return await self._running.wait()

    async def _spawn(self) -> Process:
        flags = ["--exit-with-stdin", *(["--watch"] if self._watch else [])]
        return await asyncio.create_subprocess_exec(
            NODE,
            "--disable-warning=ExperimentalWarning",
            MAIN,
            *("--dir", str(self._directory)),
            *("--data", str(self._data_file)),
            *("--port", str(self._port)),
            *flags,
            stdin=PIPE,  # it ends when our end closes
            stdout=PIPE,
            stderr=PIPE,
            env=self._env,
            limit=LINE_LIMIT,
        )

    async def _ready(self, process: Process) -> str:
        assert process.stdout is not None  # noqa: S101 - asked for above
        line = await process.stdout.readline()
        if not line:
            code = await process.wait()
            await self._end()
            raise ConvexNotRunning(f"exit code {code}:\n{self._log_tail}")
        return str(json.loads(line)["url"])

    async def _drain_log(self, process: Process) -> None:
        assert process.stderr is not None  # noqa: S101 - asked for above
        while line := await _line(process.stderr):
            text = line.decode(errors="replace").rstrip()
            self._tail.append(text)
            log.info("convex_log", extra={"line": text})

    @property
    def _log_tail(self) -> str:
        return "\n".join(self._tail)

    async def _end(self) -> None:
        process, readers = self._running, self._readers
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                log.warning("convex_killed", extra={"pid": process.pid})
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.stdin is not None:
            process.stdin.close()
        if readers is not None:
            self._readers = None
            await readers.__aexit__(None, None, None)


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # longer than LINE_LIMIT: the rest of it comes as the next line
        return b"(a log line was too long)"
