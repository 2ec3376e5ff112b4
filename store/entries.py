"""Files and folders by id, for front ends that know nothing else of them."""

from core.ids import FileId, OwnerId, ProjectId
from store.client import ConvexHttp
from store.records import FileEntry
from store.rows import decode


class Entries:
    """Each is found through its owner; a stranger's is NotFound."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def get(self, file_id: FileId, *, owner: OwnerId) -> FileEntry:
        """Which file or folder it is. Raises: NotFound."""
        args = {"ownerId": owner, "fileId": file_id}
        return decode(FileEntry, await self._http.query("system/entries:get", args))

    async def way(self, file_id: FileId, *, owner: OwnerId) -> tuple[FileEntry, ...]:
        """The folders around it and the entry itself, root first. Raises: NotFound."""
        args = {"ownerId": owner, "fileId": file_id}
        value = await self._http.query("system/entries:way", args)
        return tuple(decode(FileEntry, row) for row in value)

    async def folder(
        self, project_id: ProjectId, *, owner: OwnerId, parent: FileId | None
    ) -> tuple[FileEntry, ...]:
        """What stands directly in a folder, or at the root: folders first, then by name.

        Raises:
            NotFound: not the owner's project, or no folder of it.
            Refused: more than 8,000 entries.
        """
        args = {"ownerId": owner, "projectId": project_id, "parentId": parent}
        value = await self._http.query("system/entries:folder", args)
        return tuple(decode(FileEntry, row) for row in value)

    async def save(
        self, file_id: FileId, text: str, *, owner: OwnerId, expected_sha256: str | None = None
    ) -> FileEntry:
        """Save what an editor shows; without a hash, what others have written since is kept.

        Raises:
            NotFound: not the owner's.
            FileChanged: another text stands there, or both changed the same lines.
            Conflict: it is a folder.
        """
        args = {
            "ownerId": owner,
            "fileId": file_id,
            "text": text,
            "expectedSha256": expected_sha256,
        }
        return decode(FileEntry, await self._http.mutation("system/entries:save", args))
