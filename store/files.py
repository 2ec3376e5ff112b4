"""Files of a project: paths in, bytes out."""

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from core.batches import in_batches
from core.ids import OwnerId, ProjectId
from store.client import ConvexHttp
from store.contents import content_row, content_rows
from store.errors import SameName
from store.records import (
    FileChanges,
    FileContent,
    FileEntry,
    NewMode,
    Page,
)
from store.rows import decode

READ_BATCH = 100  # files asked for in one query; the function stops earlier at 4 MB of text
READ_BATCH_BYTES = 4_000_000  # of files that are read together
DOWNLOADS = 6  # blobs of one batch that are fetched side by side
WRITE_BATCH = 100  # files in one mutation
WRITE_BATCH_BYTES = (
    2_000_000  # a mutation's arguments may be 16 MiB; short ones hold the others up less
)


class Files:
    """Paths are relative and `/`-separated, of names that agents can use too.

    The rule is in convex/model/paths.ts. A name is one name in every spelling of Unicode; it is
    kept composed (NFC). A file and a folder cannot share a name. Parent folders appear by
    themselves. Each change raises the project's `files_version` and its `updated_at`.
    """

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def list(
        self, project_id: ProjectId, *, owner: OwnerId, limit: int = 500, cursor: str | None = None
    ) -> Page[FileEntry]:
        """Files and folders by path, at most 1,000 a page. Raises: NotFound."""
        args = {"ownerId": owner, "projectId": project_id, "limit": limit, "cursor": cursor}
        return decode(Page[FileEntry], await self._http.query("system/files:list", args))

    async def walk(self, project_id: ProjectId, *, owner: OwnerId) -> AsyncIterator[FileEntry]:
        """Every file and folder, by path. Raises: NotFound."""
        cursor: str | None = None
        while True:
            page = await self.list(project_id, owner=owner, cursor=cursor)
            for entry in page.items:
                yield entry
            cursor = page.next_cursor
            if cursor is None:
                return

    async def stat(self, project_id: ProjectId, path: str, *, owner: OwnerId) -> FileEntry:
        """What stands at `path`. Raises: NotFound."""
        args = {"ownerId": owner, "projectId": project_id, "path": path}
        return decode(FileEntry, await self._http.query("system/files:stat", args))

    async def read(self, project_id: ProjectId, path: str, *, owner: OwnerId) -> FileContent:
        """A file's bytes. Raises: NotFound, Conflict (a folder stands there)."""
        args = {"ownerId": owner, "projectId": project_id, "path": path}
        value = await self._http.query("system/files:read", args)
        return await self._content(value)

    async def read_many(
        self, project_id: ProjectId, paths: Sequence[str], *, owner: OwnerId
    ) -> tuple[FileContent, ...]:
        """Several files; paths at which no file stands are left out.

        Raises: NotFound (the project).
        """
        contents: list[FileContent] = []
        remaining = list(paths)
        while remaining:
            args = {"ownerId": owner, "projectId": project_id, "paths": remaining[:READ_BATCH]}
            value = await self._http.query("system/files:readMany", args)
            contents.extend(await self._contents(value["files"]))
            remaining = remaining[int(value["seen"]) :]
        return tuple(contents)

    async def contents(
        self, project_id: ProjectId, *, owner: OwnerId
    ) -> AsyncIterator[tuple[FileContent, ...]]:
        """Every file by path, some at a time: 100, or 4 MB, at most, or a single larger one.

        Raises: NotFound.
        """
        waiting: list[FileEntry] = []
        size = 0
        async for entry in self.walk(project_id, owner=owner):
            if entry.kind != "file":
                continue
            if waiting and (
                len(waiting) == READ_BATCH or size + entry.size_bytes > READ_BATCH_BYTES
            ):
                yield await self.read_many(project_id, [it.path for it in waiting], owner=owner)
                waiting, size = [], 0
            waiting.append(entry)
            size += entry.size_bytes
        if waiting:
            yield await self.read_many(project_id, [it.path for it in waiting], owner=owner)

    async def write(  # noqa: PLR0913 - what may be said of a file; all by name
        self,
        project_id: ProjectId,
        path: str,
        data: bytes,
        *,
        owner: OwnerId,
        expected_sha256: str | None = None,
        mode: NewMode | None = None,
    ) -> FileEntry:
        """Create or replace a file, with its parent folders.

        `expected_sha256` is the hash of what the caller last saw, "" for "nothing stands there",
        None for "whatever is there". Writing what is there already changes nothing and is never
        refused. UTF-8 text up to 256 kB is kept as text, which live queries show; anything else as
        a blob. Without a `mode`, a file that is executable stays so, and any other is a regular one
        afterwards, also what was a symbolic link; the `data` of a link is its target.

        Raises:
            NotFound: not the owner's project.
            FileChanged: another content stands there.
            Conflict: a folder stands at `path`, or a file where a parent folder must be.
            Refused: the path cannot name a file, or a link does not stay in the project.
        """
        row = await content_row(self._http, path, data, mode)
        args = {
            "ownerId": owner,
            "projectId": project_id,
            "file": row,
            "expectedSha256": expected_sha256,
        }
        return decode(FileEntry, await self._http.mutation("system/files:write", args))

    async def write_many(
        self, project_id: ProjectId, files: Mapping[str, bytes], *, owner: OwnerId
    ) -> int:
        """Create or replace many files, whatever is there, in batches; how many there were.

        Each batch is all or nothing, the whole is not; doing it again completes it.

        Raises:
            SameName: two of the paths are one name in two spellings; nothing was written.
            Conflict, NotFound, Refused: as `write`.
        """
        _refuse_spellings(files)
        for batch in in_batches(
            files.items(), most=WRITE_BATCH, full_at=WRITE_BATCH_BYTES, size=lambda it: len(it[1])
        ):
            contents = [(path, data, None) for path, data in batch]
            rows = await content_rows(self._http, contents)
            await self._write_batch(project_id, rows, owner)
        return len(files)

    async def make_folder(self, project_id: ProjectId, path: str, *, owner: OwnerId) -> FileEntry:
        """Create a folder with its parents; one that is there already is returned.

        Raises:
            NotFound: not the owner's project.
            Conflict: a file stands there.
            Refused: the path cannot name a folder.
        """
        args = {"ownerId": owner, "projectId": project_id, "path": path}
        return decode(FileEntry, await self._http.mutation("system/files:makeFolder", args))

    async def delete(self, project_id: ProjectId, path: str, *, owner: OwnerId) -> bool:
        """Remove a file, or a folder with all that is in it; False when nothing stands at `path`.

        A folder of more than 500 entries goes in batches, the folder itself last. Raises: NotFound
        (the project).
        """
        was_there = False
        while True:
            args = {"ownerId": owner, "projectId": project_id, "path": path}
            value = await self._http.mutation("system/files:remove", args)
            was_there = was_there or value["wasThere"]
            if not value["hasMore"]:
                return was_there

    async def rename(
        self, project_id: ProjectId, path: str, new_path: str, *, owner: OwnerId
    ) -> FileEntry:
        """Move a file or folder; parent folders of the target appear.

        Raises:
            NotFound: nothing stands at `path`, or not the owner's project.
            Conflict: something stands at `new_path`, or `new_path` is inside `path`.
            Refused: a bad path, or a folder of more than 3,000 entries.
        """
        args = {"ownerId": owner, "projectId": project_id, "path": path, "newPath": new_path}
        return decode(FileEntry, await self._http.mutation("system/files:rename", args))

    async def changes(
        self, project_id: ProjectId, *, owner: OwnerId, since: int, limit: int = 500
    ) -> FileChanges:
        """What changed after version `since` (0: from the beginning), oldest change first.

        Raises:
            NotFound: not the owner's project.
        """
        args = {"ownerId": owner, "projectId": project_id, "since": since, "limit": limit}
        return decode(FileChanges, await self._http.query("system/files:changes", args))

    async def _write_batch(
        self, project_id: ProjectId, batch: Sequence[dict[str, object]], owner: OwnerId
    ) -> None:
        args = {"ownerId": owner, "projectId": project_id, "files": list(batch)}
        await self._http.mutation("system/files:writeMany", args)

    async def _contents(self, rows: Sequence[Mapping[str, object]]) -> tuple[FileContent, ...]:
        slots = asyncio.Semaphore(DOWNLOADS)

        async def content(row: Mapping[str, object]) -> FileContent:
            async with slots:
                return await self._content(row)

        try:
            async with asyncio.TaskGroup() as tasks:
                contents = [tasks.create_task(content(row)) for row in rows]
        except ExceptionGroup as failed:  # one of them says enough
            raise failed.exceptions[0] from None
        return tuple(each.result() for each in contents)

    async def _content(self, row: Mapping[str, object]) -> FileContent:
        entry = decode(FileEntry, row["entry"])
        if (text := row.get("text")) is not None:
            return FileContent(entry, str(text).encode())
        return FileContent(entry, await self._http.download(str(row["url"])))


def _refuse_spellings(paths: Iterable[str]) -> None:
    """Two spellings of one name, NFC and NFD, would overwrite each other. Raises: SameName."""
    known: dict[str, str] = {}
    for path in paths:
        name = unicodedata.normalize("NFC", path)
        if known.setdefault(name, path) != path:
            raise SameName(name)
