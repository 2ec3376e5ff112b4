"""Server-sent events as providers really send them: with or without names, data, blank lines.

The SDKs' own readers end an answer at an event without data (`event: ping`), pass over events
without a name, and lose the last event where its blank line is missing; this one reads all that.
Source: WHATWG HTML, 9.2.6; a lone CR as the end of a line is not known of any provider.
"""

from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass

FRAME_BYTES = 8 * 1024 * 1024  # no provider's event is near that; a stream without ends would be


class FrameTooLarge(ValueError):
    """An event is larger than any provider's."""


@dataclass(frozen=True)
class Frame:
    """One event; `name` is empty where the provider gives none, `data` never is."""

    name: str
    data: str


class SseReader:
    """Cuts bytes into events; comments, and events without data, are passed over."""

    def __init__(self) -> None:
        self._line = b""  # not ended yet
        self._name = b""
        self._data: list[bytes] = []
        self._held_bytes = 0

    def feed(self, chunk: bytes) -> list[Frame]:
        """The events that end within the chunk.

        Raises:
            FrameTooLarge: an event is larger than `FRAME_BYTES`.
        """
        *lines, self._line = (self._line + chunk).split(b"\n")
        found: list[Frame] = []
        for line in lines:
            if line.rstrip(b"\r"):
                self._take(line)
            else:
                found += self._event()
        if self._held_bytes + len(self._line) > FRAME_BYTES:
            raise FrameTooLarge(f"an event of the stream is larger than {FRAME_BYTES} bytes")
        return found

    def rest(self) -> list[Frame]:
        """The last event, where the stream ended without the blank line after it."""
        self._take(self._line)
        self._line = b""
        return self._event()

    def _take(self, line: bytes) -> None:
        field, _, value = line.rstrip(b"\r").partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._held_bytes += len(value)
        elif field == b"event":
            self._name = value

    def _event(self) -> list[Frame]:
        name = self._name.decode(errors="replace").strip()
        data = b"\n".join(self._data).decode(errors="replace").strip()
        self._name, self._held_bytes = b"", 0
        self._data.clear()
        return [Frame(name, data)] if data else []


async def frames_of(chunks: AsyncIterable[bytes]) -> AsyncGenerator[list[Frame], None]:
    """The events of a response, those together that end within a chunk. Raises: FrameTooLarge."""
    reader = SseReader()
    async for chunk in chunks:
        if frames := reader.feed(chunk):
            yield frames
    if frames := reader.rest():
        yield frames
