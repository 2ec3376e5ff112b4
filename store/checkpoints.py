"""Checkpoints of a project: what the agent's turns have changed, and undoing it."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.ids import CheckpointId, MessageId, OwnerId, ProjectId, new_id
from store.client import ConvexHttp
from store.records import (
    Checkpoint,
    CheckpointDetail,
    FileKind,
    FileMode,
    Page,
    RestoreConflict,
    RestoreStep,
    Reviewed,
    UndoPlan,
    UndoStep,
    Verdicts,
)
from store.rows import decode


class Checkpoints:
    """Found through the owner of their project, but for `undoable`, which jobs ask."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def list(
        self, project_id: ProjectId, *, owner: OwnerId, limit: int = 20, cursor: str | None = None
    ) -> Page[Checkpoint]:
        """The project's checkpoints, newest first, at most 50 a page. Raises: NotFound."""
        args = {"ownerId": owner, "projectId": project_id, "limit": limit, "cursor": cursor}
        return decode(Page[Checkpoint], await self._http.query("system/checkpoints:list", args))

    async def get(
        self,
        project_id: ProjectId,
        checkpoint_id: CheckpointId,
        *,
        owner: OwnerId,
        limit: int = 20,
        cursor: str | None = None,
    ) -> CheckpointDetail:
        """One checkpoint with a page of its files, at most 100. Raises: NotFound."""
        args = _of(project_id, checkpoint_id, owner) | {"limit": limit, "cursor": cursor}
        return decode(CheckpointDetail, await self._http.query("system/checkpoints:get", args))

    async def before_edit(
        self, message_id: MessageId, *, owner: OwnerId, key: str
    ) -> CheckpointId | None:
        """What to restore before the edit `key` of a message, for the files of when it was sent.

        None when nothing has changed since, or had when the edit was made. Raises: NotFound.
        """
        args = {"ownerId": owner, "messageId": message_id, "externalId": key}
        found = await self._http.query("system/forking:checkpointBefore", args)
        return found and CheckpointId(str(found))

    async def restore(
        self,
        project_id: ProjectId,
        checkpoint_id: CheckpointId,
        *,
        owner: OwnerId,
        key: str | None = None,
    ) -> RestoreStep:
        """Bring files back to what they were before the checkpoint.

        What it and all later ones changed is undone, merged with what others have changed since;
        where that is not possible a file stays, and the outcome says why. The same `key` is done
        once. Up to 250 changed paths are one write; more are several, and one that breaks off goes
        on when it is asked for again with its key.

        Raises:
            NotFound: no such project, or it has no such checkpoint.
            Busy: an answer is being written in the project.
            Conflict: the key was used for another restore.
        """
        args = _of(project_id, checkpoint_id, owner) | {"externalId": key or new_id("req")}
        while True:
            value = await self._http.mutation("system/checkpoints:restore", args)
            step = decode(RestoreStep, value)
            if step.is_done:
                return step

    async def review(
        self,
        project_id: ProjectId,
        checkpoint_id: CheckpointId,
        verdicts: Verdicts,
        *,
        owner: OwnerId,
    ) -> Reviewed:
        """Accept and reject hunks of one path; what is rejected is taken out of the file.

        All or nothing; doing it again changes nothing.

        Raises:
            NotFound: no such project, checkpoint or path in it.
            Conflict: a hunk is not known, or can no longer be taken out: the file is as it was.
            Refused: more than 1,000 hunks at once.
        """
        args = _of(project_id, checkpoint_id, owner) | {
            "path": verdicts.path,
            "accept": list(verdicts.accept),
            "reject": list(verdicts.reject),
        }
        return decode(Reviewed, await self._http.mutation("system/checkpoints:review", args))

    async def undoable(
        self, message_id: MessageId, *, paths: Sequence[str] | None = None
    ) -> UndoPlan:
        """What the agent that writes this message would undo: the last turn of its conversation.

        With `paths`, the last that changed one of them, and only what is at or below them.

        Raises:
            NotFound: the message is gone.
            Refused: it is too much.
        """
        args = {"messageId": message_id, "paths": None if paths is None else list(paths)}
        value = await self._http.query("system/checkpoints:undoable", args)
        return UndoPlan(
            None if (start := value.get("from")) is None else int(start),
            tuple([await self._step(row) for row in value["steps"]]),
            tuple(decode(RestoreConflict, row) for row in value["conflicts"]),
        )

    async def _step(self, value: object) -> UndoStep:
        row = decode(_StepRow, value)
        data = (row.text or "").encode() if row.url is None else await self._http.download(row.url)
        return UndoStep(
            path=row.path,
            now_kind=row.now_kind,
            now_sha256=row.now_sha256,
            kind=row.kind,
            data=data,
            is_merged=row.is_merged,
            now_mode=row.now_mode,
            mode=row.mode,
        )


@dataclass(frozen=True)
class _StepRow:
    """An `UndoStep` whose bytes may have to be fetched."""

    path: str
    now_sha256: str
    is_merged: bool
    now_kind: FileKind | None = None
    kind: FileKind | None = None
    text: str | None = None
    url: str | None = None
    now_mode: FileMode | None = None
    mode: FileMode | None = None


def _of(project_id: ProjectId, checkpoint_id: CheckpointId, owner: OwnerId) -> dict[str, object]:
    return {"ownerId": owner, "projectId": project_id, "checkpointId": checkpoint_id}
