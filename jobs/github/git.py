"""Git as a program: nothing of the machine's settings, no hooks, no helpers, one protocol.

The token goes to git in a settings file that only this process and its children can open: it is in
no address, argument, environment or repository. On Linux that file is never on a disk.
"""

import asyncio
import base64
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from pydantic import SecretStr

from core.text import without_surrogates
from jobs.github.accounts import GithubServer
from jobs.github.problems import GitMissing

WATCH_S = 0.25
END_S = 5.0  # that a git which is to stop gets before it is killed
SILENT_S = 60  # after which a transfer that brings nothing counts as broken off
STDERR_BYTES = 20_000
READ_BYTES = 1 << 16

PASSED_ON = (
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "CURL_CA_BUNDLE",
)
"""Variables of the operator's that git gets: how the network is reached, whom to trust."""

# Whatever a repository holds, its packs and large files are not in memory as a whole.
_SETTINGS = f"""\
[core]
	hooksPath = /dev/null
	fsmonitor = false
	askPass =
	packedGitWindowSize = 1m
	packedGitLimit = 32m
	deltaBaseCacheLimit = 16m
	bigFileThreshold = 32m
[credential]
	helper =
[http]
	followRedirects = false
	lowSpeedLimit = 500
	lowSpeedTime = {SILENT_S}
[gc]
	auto = 0
[maintenance]
	auto = false
[fetch]
	recurseSubmodules = false
	writeCommitGraph = false
[push]
	recurseSubmodules = no
	gpgSign = false
[transfer]
	bundleURI = false
[protocol]
	version = 2
	allow = never
[init]
	defaultBranch = main
[safe]
	directory = *
"""


class GitFailed(Exception):
    """Git ended with another code than 0; `words` are its own, cut."""

    def __init__(self, command: str, code: int, words: str) -> None:
        super().__init__(f"git {command} ended with {code}: {words[-1_000:]}")
        self.words = words


@dataclass(frozen=True)
class GitPrograms:
    """How git is started on this machine. `passed_on`: variables of proxies and certificates."""

    server: GithubServer
    passed_on: Mapping[str, str] = field(default_factory=dict[str, str])

    def found(self) -> str:
        """The path of git. Raises: GitMissing."""
        program = shutil.which("git")
        if program is None:
            raise GitMissing
        return program

    def repository(self, folder: Path, token: SecretStr | None = None) -> "Git":
        """Git in a bare repository. Raises: GitMissing."""
        return Git(self, self.found(), folder.absolute(), token)  # git runs somewhere else


@dataclass(frozen=True)
class Git:
    """Git in one bare repository. Everything that it starts is gone when a call has ended."""

    programs: GitPrograms
    program: str
    folder: Path
    token: SecretStr | None = field(default=None, repr=False)

    async def create(self) -> None:
        """Make the bare repository, if it is not there."""
        if not (self.folder / "HEAD").exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            await self.run("init", "--quiet", "--bare", "--template=", str(self.folder))

    async def run(self, *arguments: str, data: bytes | None = None) -> bytes:
        """What the command prints. Raises: GitFailed."""
        async with self.process(*arguments, has_input=data is not None) as running:
            output, _ = await running.process.communicate(data)
            await running.check()
            return output

    async def transfer(self, *arguments: str, watch: Callable[[int], None] | None = None) -> None:
        """A fetch or push. `watch` gets the bytes in the repository, a few times a second.

        Raises: GitFailed, and what `watch` raises.
        """
        async with self.process(*arguments, with_network=True) as running:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(WATCH_S):
                        await running.process.wait()
                        break
                if watch is not None:
                    watch(await asyncio.to_thread(size_of, self.folder))
            await running.check()

    async def fetch(
        self, url: str, refspec: str, *, watch: Callable[[int], None] | None = None
    ) -> None:
        """Have one commit, without what came before it. Raises: as `transfer`."""
        what = ("fetch", "--quiet", "--no-tags", "--depth=1", "--no-write-fetch-head")
        await self.transfer(*what, url, refspec, watch=watch)

    @asynccontextmanager
    async def process(
        self, *arguments: str, has_input: bool = False, with_network: bool = False
    ) -> AsyncGenerator["Running"]:
        """A running git; ended, with all below it, when the block ends before it does."""
        with (
            self._settings(with_network=with_network) as (path, fds),
            tempfile.TemporaryFile() as errors,
        ):
            process = await asyncio.create_subprocess_exec(
                self.program,
                f"--git-dir={self.folder}",
                *arguments,
                stdin=asyncio.subprocess.PIPE if has_input else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=self._environment(path),
                cwd="/",
                pass_fds=fds,
                start_new_session=True,
                limit=READ_BYTES,
            )
            running = Running(process, arguments[0], errors, self.token)
            try:
                yield running
            finally:
                await _ended(process)

    def _environment(self, settings: str) -> dict[str, str]:
        folder = str(Path(self.program).parent)
        scheme = urlsplit(self.programs.server.server_url).scheme
        return {
            **self.programs.passed_on,
            "PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "XDG_CONFIG_HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": settings,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "SSH_ASKPASS": "true",
            "GIT_ALLOW_PROTOCOL": scheme,
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_LFS_SKIP_SMUDGE": "1",
        }

    @contextmanager
    def _settings(self, *, with_network: bool) -> Generator[tuple[str, tuple[int, ...]]]:
        """The one settings file that git reads: a path, and what it has to inherit for that."""
        text = _SETTINGS
        if with_network and self.token is not None:
            secret = f"x-access-token:{self.token.get_secret_value()}".encode()
            header = f"Authorization: Basic {base64.b64encode(secret).decode()}"
            server = self.programs.server.server_url.rstrip("/")
            text += f'[http "{server}/"]\n\textraHeader = "{header}"\n'
        if hasattr(os, "memfd_create"):
            fd = os.memfd_create("git-settings")
            try:
                os.write(fd, text.encode())
                yield f"/proc/self/fd/{fd}", (fd,)
            finally:
                os.close(fd)
        else:
            fd, name = tempfile.mkstemp(prefix="git-settings-")  # mode 0600
            try:
                os.write(fd, text.encode())
                os.close(fd)
                yield name, ()
            finally:
                Path(name).unlink(missing_ok=True)


@dataclass(frozen=True)
class Running:
    """A git that runs, or has ended."""

    process: asyncio.subprocess.Process
    command: str
    errors: IO[bytes]
    token: SecretStr | None = field(default=None, repr=False)

    @property
    def output(self) -> asyncio.StreamReader:
        """What it prints."""
        assert self.process.stdout is not None  # noqa: S101 - it is always a pipe
        return self.process.stdout

    @property
    def input(self) -> asyncio.StreamWriter:
        """What it reads, where it was started to."""
        assert self.process.stdin is not None  # noqa: S101 - as its caller asked
        return self.process.stdin

    async def check(self) -> None:
        """Wait for its end. Raises: GitFailed."""
        code = await self.process.wait()
        if code != 0:
            raise GitFailed(self.command, code, self.words())

    def words(self) -> str:
        """The last that it has said of errors, without the token."""
        size = self.errors.seek(0, os.SEEK_END)
        self.errors.seek(max(0, size - STDERR_BYTES))
        words = without_surrogates(self.errors.read().decode(errors="replace"))
        if self.token is not None:
            words = words.replace(self.token.get_secret_value(), "[hidden]")
        return words


async def _ended(process: asyncio.subprocess.Process) -> None:
    """End it with everything that it has started."""
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(END_S):
                await process.wait()
        except TimeoutError:
            pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder that others write at the same time."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size
    return total


async def pieces(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """What a stream gives between NULs; the last one too, if it has no NUL."""
    rest = b""
    while data := await stream.read(READ_BYTES):
        *whole, rest = (rest + data).split(b"\0")
        for piece in whole:
            yield piece
    if rest:
        yield rest
