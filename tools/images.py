"""Images: which they are, by their first bytes, how large, and whether they are whole."""

import base64
import struct
import zlib
from dataclasses import dataclass
from typing import Literal

from tools.output import ImagePart

MAX_IMAGE_BYTES = 5 * 1024 * 1024  # what providers take
MAX_SIDE_PIXELS = 8_000

_MARK = 0xFF  # what a marker of JPEG begins with
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # of JPEG; the three are tables
_MAX_SEGMENTS = 1_000  # before the frame
_RIFF_CHUNK = 12
_PNG_CHUNK = 12  # beside its body: the size, the kind and a checksum
_TRAILER = 64 * 1024  # after the end of a picture some cameras and programs write more


@dataclass(frozen=True)
class Image:
    """What the header of an image says."""

    media_type: Literal["image/png", "image/jpeg", "image/gif", "image/webp"]
    name: str
    width: int
    height: int

    def part(self, data: bytes) -> ImagePart:
        """The image as it is attached."""
        return ImagePart(self.media_type, base64.b64encode(data).decode())


def image_of(data: bytes) -> Image | None:
    """The image that a file holds; None for none, or one whose header is broken."""
    try:
        image = _png(data) or _gif(data) or _webp(data) or _jpeg(data)
    except (struct.error, IndexError):
        return None
    return image if image is not None and image.width and image.height else None


def is_whole(data: bytes, image: Image) -> bool:
    """Whether the file goes on to the end that its format has: a half one, no provider takes."""
    match image.media_type:
        case "image/png":
            return _png_ends(data)
        case "image/jpeg":
            return b"\xff\xd9" in data[-_TRAILER:]
        case "image/gif":
            return b";" in data[-_TRAILER:]
        case "image/webp":
            return len(data) >= int.from_bytes(data[4:8], "little") + 8


def _png_ends(data: bytes) -> bool:
    """Whether chunk follows chunk, each with its checksum, to the last; one of them has pixels."""
    at, has_pixels = 8, False
    while at + _PNG_CHUNK <= len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        end = at + _PNG_CHUNK + size
        kind, checked = data[at + 4 : at + 8], memoryview(data)[at + 4 : end - 4]
        if end > len(data) or zlib.crc32(checked).to_bytes(4, "big") != data[end - 4 : end]:
            return False
        has_pixels = has_pixels or kind == b"IDAT"
        if kind == b"IEND":
            return has_pixels
        at = end
    return False


def _png(data: bytes) -> Image | None:
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or data[12:16] != b"IHDR":
        return None
    return Image("image/png", "PNG", *struct.unpack(">II", data[16:24]))


def _gif(data: bytes) -> Image | None:
    if not data.startswith((b"GIF87a", b"GIF89a")):
        return None
    return Image("image/gif", "GIF", *struct.unpack("<HH", data[6:10]))


def _webp(data: bytes) -> Image | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    body = data[_RIFF_CHUNK + 8 :][:16]
    match data[_RIFF_CHUNK:][:4]:
        case b"VP8 ":
            width, height = (side & 0x3FFF for side in struct.unpack("<HH", body[6:10]))
        case b"VP8L":
            (bits,) = struct.unpack("<I", body[1:5])
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
        case _:
            return None
    return Image("image/webp", "WebP", width, height)


def _jpeg(data: bytes) -> Image | None:
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    for _ in range(_MAX_SEGMENTS):
        marker = data[at + 1]
        if data[at] != _MARK:
            break
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return Image("image/jpeg", "JPEG", width, height)
        is_padding = marker == _MARK
        at += 1 if is_padding else 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return None
