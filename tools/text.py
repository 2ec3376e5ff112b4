"""Text files as tools treat them: what is text, and edits that keep line ends and the BOM."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

_BOM = b"\xef\xbb\xbf"
_PROBE_BYTES = 64 * 1024
_MAX_CONTROL_SHARE = 0.3
_CONTROL = bytes(code for code in range(32) if code not in b"\t\n\r\f\b\x1b")
_SIGNATURES = {
    b"\x89PNG\r\n": "PNG image",
    b"\xff\xd8\xff": "JPEG image",
    b"GIF8": "GIF image",
    b"%PDF-": "PDF document",
    b"PK\x03\x04": "ZIP archive",
    b"\x1f\x8b": "gzip archive",
    b"\x7fELF": "ELF program",
    b"wOF2": "WOFF2 font",
    b"\0asm": "WebAssembly module",
    b"SQLite format 3\0": "SQLite database",
}


def sha256_of(data: bytes) -> str:
    """The hash by which a workspace and `Seen` know a content."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class TextFile:
    """A decoded file: `raw` has the line ends of the file, `text` only line feeds."""

    raw: str
    text: str
    has_bom: bool

    @cached_property
    def uses_crlf(self) -> bool:
        """Whether most lines end in CRLF."""
        pairs = self.raw.count("\r\n")
        return pairs * 2 > self.raw.count("\n")

    def with_spans(self, spans: list[tuple[int, int]], replacement: str) -> bytes:
        """The file with those parts of `text` replaced, in order; all else keeps its bytes."""
        return self.with_each(spans, repeat(replacement, len(spans)))

    def with_each(self, spans: list[tuple[int, int]], replacements: Iterable[str]) -> bytes:
        """The file with each of those parts of `text`, in order, replaced by a text of its own."""
        pieces: list[str] = []
        end_of_last = 0
        for (start, end), replacement in zip(self._raw_spans(spans), replacements, strict=True):
            pieces += [self.raw[end_of_last:start], self._styled(replacement)]
            end_of_last = end
        pieces.append(self.raw[end_of_last:])
        return self._encoded("".join(pieces))

    def size_with_spans(self, spans: list[tuple[int, int]], replacement: str) -> int:
        """How many bytes `with_spans` would give, told without building them."""
        new_bytes = len(self._styled(replacement).encode())
        gone = sum(len(self.raw[start:end].encode()) for start, end in self._raw_spans(spans))
        return len(self._encoded(self.raw)) - gone + len(spans) * new_bytes

    def with_text(self, text: str) -> bytes:
        """A whole new text in the style of this file."""
        return self._encoded(self._styled(text))

    def _styled(self, text: str) -> str:
        plain = text.replace("\r\n", "\n")
        return plain.replace("\n", "\r\n") if self.uses_crlf else text

    def _encoded(self, raw: str) -> bytes:
        return (_BOM if self.has_bom else b"") + raw.removeprefix("\ufeff").encode()

    def _raw_spans(self, spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Where parts of `text` stand in `raw`."""
        pair_ends = self._crlf_positions()
        for start, end in spans:
            yield start + bisect_left(pair_ends, start), end + bisect_left(pair_ends, end)

    def _crlf_positions(self) -> list[int]:
        """Where in `text` the newlines stand that are CRLF in `raw`."""
        positions: list[int] = []
        found = self.raw.find("\r\n")
        while found >= 0:
            positions.append(found - len(positions))
            found = self.raw.find("\r\n", found + 2)
        return positions


def decode(data: bytes) -> TextFile | None:
    """The text of a file, or None if it is binary or not UTF-8."""
    if is_binary(data):
        return None
    try:
        raw = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return TextFile(raw=raw, text=raw.replace("\r\n", "\n"), has_bom=data.startswith(_BOM))


def is_binary(data: bytes) -> bool:
    """A NUL byte, or more than 30 % control characters, in the first 64 KiB."""
    probe = data[:_PROBE_BYTES]
    if b"\0" in probe:
        return True
    controls = len(probe) - len(probe.translate(None, _CONTROL))
    return controls > len(probe) * _MAX_CONTROL_SHARE


def describe_binary(data: bytes) -> str:
    """What a binary file seems to be, in words."""
    for signature, words in _SIGNATURES.items():
        if data.startswith(signature):
            return words
    return "binary file" if is_binary(data) else "file that is not UTF-8 text"
