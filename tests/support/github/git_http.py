"""Git over HTTP of the stand-in: `git http-backend`; slow, or broken off, if wanted."""

import os
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import IO

from tests.support.github.repositories import ENV

READ_BYTES = 1 << 16


@dataclass
class Line:
    """How what git sends gets through. Sizes count from the beginning of one answer.

    Each of `breaks` is for one pack: it breaks off after so many bytes.
    """

    bytes_per_s: int | None = None
    breaks: list[int] = field(default_factory=list[int])

    def through(self, data: Iterator[bytes], *, is_pack: bool) -> Iterator[bytes]:
        """The pieces, as late as the line is slow. Raises: BrokenPipeError, where it breaks."""
        left = self.breaks.pop(0) if is_pack and self.breaks else None
        for piece in data:
            if left is not None and len(piece) >= left:
                yield piece[:left]
                raise BrokenPipeError
            if left is not None:
                left -= len(piece)
            if is_pack and self.bytes_per_s is not None:
                time.sleep(len(piece) / self.bytes_per_s)
            yield piece


@dataclass(frozen=True)
class Exchange:
    """One request to git: what `git http-backend` has to know of it."""

    method: str
    path: str
    query: str
    headers: Message
    login: str | None

    def environment(self, root: Path) -> dict[str, str]:
        given = {
            **ENV,
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": self.login or "",
            "REMOTE_ADDR": "127.0.0.1",
            "PATH_INFO": self.path,
            "QUERY_STRING": self.query,
            "REQUEST_METHOD": self.method,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        if "Content-Length" in self.headers:
            given["CONTENT_LENGTH"] = self.headers["Content-Length"]
        return given


@dataclass
class Answer:
    """What git answers: its head, and its body as it comes."""

    status: int
    headers: Mapping[str, str]
    body: Iterator[bytes]


class Backend:
    """A running `git http-backend`; a context manager, which ends it."""

    def __init__(self, exchange: Exchange, root: Path) -> None:
        self._process = subprocess.Popen(
            ["git", "http-backend"],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,  # its head is read by line, the rest as it comes
            env=exchange.environment(root),
        )

    def __enter__(self) -> "Backend":
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()

    def answer(self, body: Iterator[bytes]) -> Answer:
        """Give it the body of the request; what it answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            for piece in body:
                self._process.stdin.write(piece)
            self._process.stdin.close()
        except BrokenPipeError:
            deque(body, maxlen=0)  # git has ended, and its answer says why
        headers: dict[str, str] = {}
        while (line := self._process.stdout.readline().strip()) != b"":
            name, _, value = line.decode().partition(": ")
            headers[name] = value
        status = int(headers.pop("Status", "200").split()[0])
        return Answer(status, headers, _pieces(self._process.stdout))


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while data := os.read(stream.fileno(), READ_BYTES):
        yield data
