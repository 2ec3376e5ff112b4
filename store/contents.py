"""Contents as the functions take them: short texts as they are, everything else as blobs."""

import asyncio
import hashlib
from collections.abc import Sequence

from core.text import storable_text
from store.client import ConvexHttp
from store.records import NewMode

TEXT_LIMIT_BYTES = (
    256_000  # larger ones become blobs: a document holds 1 MiB, and reading it costs all of it
)
UPLOADS = 6  # that are on their way side by side
LONG_BYTES = 1 << 20  # what is longer is hashed beside the event loop

Content = tuple[str, bytes, NewMode | None]
"""A file's path, bytes and mode."""
Row = dict[str, object]


async def content_row(http: ConvexHttp, path: str, data: bytes, mode: NewMode | None = None) -> Row:
    """One file; what is no short text is uploaded. Raises: StoreUnavailable."""
    return (await content_rows(http, [(path, data, mode)]))[0]


async def content_rows(http: ConvexHttp, contents: Sequence[Content]) -> list[Row]:
    """Up to 200 files, in their order; the blobs are uploaded side by side.

    Raises: StoreUnavailable.
    """
    rows = [await _described(*content) for content in contents]
    blobs = [
        (row, data) for row, (_, data, _) in zip(rows, contents, strict=True) if "text" not in row
    ]
    if not blobs:
        return rows
    urls = await http.mutation("system/files:uploadUrls", {"count": len(blobs)})
    slots = asyncio.Semaphore(UPLOADS)

    async def upload(row: Row, data: bytes, url: str) -> None:
        async with slots:
            row["storageId"] = await http.upload(url, data)

    try:
        async with asyncio.TaskGroup() as tasks:
            for (row, data), url in zip(blobs, urls, strict=True):
                tasks.create_task(upload(row, data, url))
    except ExceptionGroup as failed:  # one of them says enough
        raise failed.exceptions[0] from None
    return rows


async def _described(path: str, data: bytes, mode: NewMode | None) -> Row:
    row: Row = {"path": path, "size": len(data), "sha256": await sha256_of(data)}
    if mode is not None:
        row["mode"] = mode
    text = storable_text(data) if len(data) <= TEXT_LIMIT_BYTES else None
    return row if text is None else row | {"text": text}


async def sha256_of(data: bytes) -> str:
    """In hexadecimal; of long ones beside the event loop."""
    if len(data) < LONG_BYTES:
        return hashlib.sha256(data).hexdigest()
    return await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
