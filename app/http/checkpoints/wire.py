"""Checkpoints: what goes in and comes out."""

from typing import Annotated, Literal

from pydantic import Field, computed_field

from app.http.files.wire import PathText
from app.wire.shapes import Answer, Body, CreationTimes, Millis
from core.ids import CheckpointId, ConversationId, MessageId, ProjectId
from store.records import RestoreStep

HUNKS_LIMIT = 1_000

HunkIds = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], Field(max_length=HUNKS_LIMIT)
]


class ChangedFileAnswer(Answer):
    """One changed path; what was moved is there twice: `deleted` and `renamed`."""

    path: str
    kind: Annotated[Literal["file", "folder"], Field(serialization_alias="type")]
    status: Literal["created", "changed", "deleted", "renamed"]
    added: int | None = Field(None, description="Lines; missing where they were not counted.")
    removed: int | None = None
    moved_from: str | None = None
    moved_to: str | None = None


class HunkAnswer(Answer):
    """A part of a diff; `lines` begin with a space, `-` or `+`."""

    hunk_id: str
    old_start: int
    old_lines: int
    new_start: int
    new_lines: int
    lines: tuple[str, ...]
    state: Literal["open", "accepted", "rejected"]


class ReviewedFileAnswer(ChangedFileAnswer):
    """A changed path with its diff; what was made, deleted or is no text is one hunk."""

    is_text: bool
    is_cut: bool = Field(description="Lines beyond 100,000 characters are left out.")
    hunks: tuple[HunkAnswer, ...]
    before_sha256: str | None = None
    after_sha256: str | None = None


class ConflictAnswer(Answer):
    """A path that was left as it is, and why."""

    path: str
    reason: str


class OutcomeAnswer(Answer):
    """What a restore did, by path; `merged` keep what others have changed since."""

    restored: tuple[str, ...]
    merged: tuple[str, ...]
    conflicts: tuple[ConflictAnswer, ...]
    unchanged: tuple[str, ...]
    not_told: int = Field(description="Paths that are left out of the lists.")


class CheckpointAnswer(CreationTimes):
    """What was changed at one time, and can be undone."""

    checkpoint_id: CheckpointId
    project_id: ProjectId
    kind: Literal["turn", "restore", "reject", "pull"]
    updated_at: Millis
    file_count: int
    added: int
    removed: int
    files: tuple[ChangedFileAnswer, ...] = Field(description="The first 100.")
    message_id: MessageId | None = None
    conversation_id: ConversationId | None = None
    turn: int | None = None
    outcome: OutcomeAnswer | None = None

    @computed_field(alias="_id")
    @property
    def row_id(self) -> CheckpointId:
        """The same id, under Convex's name."""
        return self.checkpoint_id


class CheckpointPage(Answer):
    """Checkpoints, newest first."""

    checkpoints: tuple[CheckpointAnswer, ...]
    next_cursor: str | None = None


class CheckpointDetailAnswer(Answer):
    """One checkpoint, and a page of its files by path."""

    checkpoint: CheckpointAnswer
    files: tuple[ReviewedFileAnswer, ...]
    next_cursor: str | None = None


class RestoredAnswer(OutcomeAnswer):
    """What a restore did; `checkpointId` undoes it."""

    checkpoint_id: CheckpointId


def restored_answer(done: RestoreStep) -> RestoredAnswer:
    """A restore that is done, as it is shown."""
    outcome = OutcomeAnswer.model_validate(done.outcome)
    return RestoredAnswer(checkpoint_id=done.checkpoint_id, **dict(outcome))


class JudgedHunks(Body):
    """Hunks of one path to accept and to reject, by id."""

    path: PathText
    accept: HunkIds = ()
    reject: HunkIds = ()


class ReviewedAnswer(Answer):
    """The path's changes as they are judged now; `undoneBy` undoes what was rejected."""

    files: tuple[ReviewedFileAnswer, ...]
    undone_by: CheckpointId | None = None
