"""Changes to several files of a project, made together."""

from collections.abc import Sequence

from core.ids import OwnerId, ProjectId
from store.client import ConvexHttp
from store.contents import content_row
from store.records import DeletedFile, FileEdit, NewFolder, RenamedFile, WrittenFile


class Edits:
    """What was changed on a disk and is to be in the project."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def apply(
        self, project_id: ProjectId, edits: Sequence[FileEdit], *, owner: OwnerId
    ) -> None:
        """Make these changes in order, all or none; at most 500.

        Raises:
            NotFound: not the owner's project, or nothing stands where an edit moves or deletes.
            FileChanged: a file is not what an edit was based on.
            Refused: an edit cannot be made (a bad path, a folder in the way).
        """
        rows = [await edit_row(self._http, edit) for edit in edits]
        args = {"ownerId": owner, "projectId": project_id, "edits": rows}
        await self._http.mutation("system/edits:apply", args)


async def edit_row(http: ConvexHttp, edit: FileEdit) -> dict[str, object]:
    """A change as the functions take it; the content of a large file is uploaded for it."""
    match edit:
        case WrittenFile():
            row = await content_row(http, edit.path, edit.data, edit.mode)
            return row | {"kind": "write", "expectedSha256": edit.base_sha256}
        case DeletedFile():
            return {"kind": "delete", "path": edit.path}
        case RenamedFile():
            return {"kind": "rename", "path": edit.path, "newPath": edit.new_path}
        case NewFolder():
            return {"kind": "makeFolder", "path": edit.path}
