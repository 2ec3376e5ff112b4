"""The index as tools see it: a process that is started on demand, and dies with its worker."""

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tools.search.relevance.index import Ranked

ANSWER_S = 25.0
END_S = 2.0
MAX_ANSWER_BYTES = 1024 * 1024
_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Answer:
    """The files, and how many could not be looked at yet."""

    ranked: Sequence[Ranked]
    left: int


class RelevanceIndex:
    """One process for all projects of a worker; one question at a time.

    `async with` it. A process that has died, or that a cancelled question has left in the middle of
    its work, is replaced at the next question; what it had read is kept beside the folder.
    """

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Nothing is started yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the process."""
        await self._end()

    @property
    def pid(self) -> int | None:
        """Of the process that runs."""
        return None if self._process is None else self._process.pid

    async def ask(  # noqa: PLR0913 - a question
        self,
        folder: Path,
        paths: Sequence[str],
        *,
        query: str,
        current: str | None = None,
        limit: int = 5,
        edited: Sequence[str] = (),
    ) -> Answer:
        """Rank the files of a folder. Raises: TimeoutError, RuntimeError: the process failed."""
        asked = {
            "folder": str(folder),
            "kept": str(folder.parent / f"{folder.name}-relevance.db"),
            "paths": list(paths),
            "query": query,
            "current": current,
            "limit": limit,
            "edited": list(edited),
        }
        line = await asyncio.to_thread(lambda: json.dumps(asked).encode() + b"\n")
        async with self._lock:
            try:
                async with asyncio.timeout(ANSWER_S):
                    answer = await self._exchange(line)
            except BaseException:
                await self._end()
                raise
        if "error" in answer:
            raise RuntimeError(f"the index failed: {answer['error']}")
        ranked = [Ranked(path, score, tuple(why)) for path, score, why in answer["ranked"]]
        return Answer(ranked, answer["left"])

    async def _exchange(self, line: bytes) -> dict[str, Any]:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tools.search.relevance.process",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd=_ROOT,
                env={"PYTHONPATH": str(_ROOT)},
                limit=MAX_ANSWER_BYTES,
            )
        assert process.stdin is not None  # noqa: S101 - it was asked for
        assert process.stdout is not None  # noqa: S101 - it was asked for
        process.stdin.write(line)
        await process.stdin.drain()
        answer = await process.stdout.readline()
        if not answer:
            raise RuntimeError("the process of the index has ended")
        return json.loads(answer)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await process.communicate()
