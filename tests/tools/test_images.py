"""Images are attached, if their header says that they are images."""

import base64
import struct
import zlib

import pytest

from tests.tools.files.bench import Bench
from tools.images import MAX_IMAGE_BYTES
from tools.output import ImagePart

GIF = base64.b64decode("R0lGODlhAwACAIAAAAAAAP///yH5BAEAAAAALAAAAAADAAIAAAIDRH4FADs=")
JPEG = (
    b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xdb\0\x04\0\0\xff\xff"
    b"\xc0\0\x0b\x08\0\x07\0\x09\1\1\x11\0\xff\xd9"
)
LOSSLESS = b"RIFF\x1c\0\0\0WEBPVP8L\x10\0\0\0\x2f" + struct.pack("<I", 4 | 5 << 14) + b"\0" * 11
LOSSY = b"RIFF\x1c\0\0\0WEBPVP8 \x10\0\0\0\0\0\0\x9d\x01\x2a\x0b\0\x0c\0" + b"\0" * 8
EXTENDED = b"RIFF\x1c\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x63\0\0\xc7\0\0"


def png(width: int, height: int, *, padding: int = 0) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (width + 1) * min(height, 10))
    chunks = [
        (b"IHDR", header),
        (b"tEXt", b"k\0" + b"x" * padding),
        (b"IDAT", rows),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


@pytest.mark.parametrize(
    ("data", "media_type", "words"),
    [
        (png(70, 30), "image/png", "a PNG image of"),
        (GIF, "image/gif", "a GIF image of 44 bytes, 3 x 2 pixels"),
        (JPEG, "image/jpeg", "a JPEG image of 42 bytes, 9 x 7 pixels"),
        (LOSSLESS, "image/webp", "a WebP image of 36 bytes, 5 x 6 pixels"),
        (LOSSY, "image/webp", "a WebP image of 38 bytes, 11 x 12 pixels"),
        (EXTENDED, "image/webp", "a WebP image of 30 bytes, 100 x 200 pixels"),
    ],
    ids=["png", "gif", "jpeg", "webp lossless", "webp lossy", "webp extended"],
)
async def test_an_image_is_attached_and_named(data: bytes, media_type: str, words: str) -> None:
    bench = Bench({"logo": data})
    output = await bench.output("readFile", path="logo")
    assert not output.is_error
    assert words in output.text
    [part] = output.parts
    assert isinstance(part, ImagePart)
    assert (part.media_type, base64.b64decode(part.data)) == (media_type, data)


@pytest.mark.parametrize(
    "data",
    [
        png(70, 30)[:20],
        png(0, 30),
        GIF[:8],
        JPEG[:30],
        JPEG[:22] + b"\xff\xdb\xff\xff",
        b"\xff\xd8\xff" + b"\xff" * 5_000_000,
        LOSSLESS[:22],
        b"RIFF\0\0\0\0WEBPnone\0\0\0\0",
        b"\x89PNG\r\n\x1a\nnothing like a header\0\0\0\0",
    ],
    ids=[
        "png cut",
        "png of no width",
        "gif cut",
        "jpeg cut",
        "jpeg with a table past its end",
        "jpeg of padding",
        "webp cut",
        "webp of an unknown kind",
        "png without a header",
    ],
)
async def test_what_only_begins_like_an_image_is_not_attached(data: bytes) -> None:
    output = await Bench({"logo.png": data}).output("readFile", path="logo.png")
    assert output.is_error
    assert output.text.startswith("logo.png cannot be shown")
    assert output.parts == ()


@pytest.mark.parametrize(
    "data", [png(8_001, 1), png(1, 1, padding=MAX_IMAGE_BYTES)], ids=["wide", "heavy"]
)
async def test_an_image_that_is_too_large_is_named_not_attached(data: bytes) -> None:
    output = await Bench({"big.png": data}).output("readFile", path="big.png")
    assert output.is_error
    assert "It is not attached: the limits are 5 MiB and 8,000 pixels a side." in output.text
    assert output.parts == ()
