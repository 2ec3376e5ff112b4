"""What can be undone: what each turn of an answer has changed, and what came of a restore."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.ids import CheckpointId, ConversationId, MessageId, ProjectId
from store.records.files import FileKind, FileMode
from store.records.pages import Page

CheckpointKind = Literal["turn", "restore", "reject", "pull"]
"""A turn of an answer, a restore by a person, or a person's rejection of hunks."""
ChangeStatus = Literal["created", "changed", "deleted", "renamed"]
HunkState = Literal["open", "accepted", "rejected"]


@dataclass(frozen=True)
class ChangedFile:
    """One path that a checkpoint's turn changed.

    `added` and `removed` count lines, where they were counted: not of what is no text, or was only
    moved. What was moved is there twice: `deleted` with `moved_to`, and `renamed` with
    `moved_from`.
    """

    path: str
    kind: FileKind
    status: ChangeStatus
    added: int | None = None
    removed: int | None = None
    moved_from: str | None = None
    moved_to: str | None = None


@dataclass(frozen=True)
class Hunk:
    """A part of a file's diff that a person can accept or reject.

    `lines` begin with a space, "-" or "+". There are none for what is no text, or beyond 100,000
    characters of a file. Line numbers count from 1.
    """

    hunk_id: str
    old_start: int
    old_lines: int
    new_start: int
    new_lines: int
    lines: tuple[str, ...]
    state: HunkState


@dataclass(frozen=True)
class ReviewedFile(ChangedFile):
    """A changed path with its diff; one that was made or deleted is one hunk."""

    is_text: bool = True
    is_cut: bool = False
    hunks: tuple[Hunk, ...] = ()
    before_sha256: str | None = None
    after_sha256: str | None = None


@dataclass(frozen=True)
class RestoreConflict:
    """A path that a restore has left as it is, and why, in words for people."""

    path: str
    reason: str


@dataclass(frozen=True)
class RestoreOutcome:
    """What a restore has done, by path; `not_told` paths are left out of the lists.

    `merged` were changed by somebody since, and hold that still.
    """

    restored: tuple[str, ...]
    merged: tuple[str, ...]
    conflicts: tuple[RestoreConflict, ...]
    unchanged: tuple[str, ...]
    not_told: int


@dataclass(frozen=True)
class Checkpoint:
    """What was changed at one time, and can be undone.

    `files` are the first 100 of `file_count`. A turn has `message_id`, `conversation_id` and
    `turn`; a restore has its `outcome`.
    """

    checkpoint_id: CheckpointId
    project_id: ProjectId
    kind: CheckpointKind
    created_at: datetime
    updated_at: datetime
    file_count: int
    added: int
    removed: int
    files: tuple[ChangedFile, ...]
    message_id: MessageId | None = None
    conversation_id: ConversationId | None = None
    turn: int | None = None
    outcome: RestoreOutcome | None = None


@dataclass(frozen=True)
class CheckpointDetail:
    """A checkpoint, and a page of its files by path, with their diffs."""

    checkpoint: Checkpoint
    files: Page[ReviewedFile]


@dataclass(frozen=True)
class RestoreStep:
    """A restore, as far as it has come; `checkpoint_id` undoes it."""

    checkpoint_id: CheckpointId
    is_done: bool
    outcome: RestoreOutcome


@dataclass(frozen=True)
class Verdicts:
    """Hunks of one path that are accepted and rejected, by id."""

    path: str
    accept: Sequence[str] = ()
    reject: Sequence[str] = ()


@dataclass(frozen=True)
class Reviewed:
    """A path's changes as they are judged now; `undone_by` undoes what was rejected."""

    files: tuple[ReviewedFile, ...]
    undone_by: CheckpointId | None = None


@dataclass(frozen=True)
class UndoStep:
    """One path of an undo: it is to become `kind`, None for nothing, and a file to hold `data`.

    It is `now_kind` now, and a file of the hash `now_sha256`; "" where no file stands. A mode is
    None for a regular file, and for what is none.
    """

    path: str
    now_kind: FileKind | None
    now_sha256: str
    kind: FileKind | None
    data: bytes
    is_merged: bool
    now_mode: FileMode | None = None
    mode: FileMode | None = None


@dataclass(frozen=True)
class UndoPlan:
    """What an agent's undo is to do. `start`: what it undoes began there; None: nothing is left."""

    start: int | None
    steps: tuple[UndoStep, ...]
    conflicts: tuple[RestoreConflict, ...]


@dataclass(frozen=True)
class Undone:
    """What an agent has undone, for the record of its call.

    `start` is that of its plan, `expected` the hash of each file as the plan saw it.
    """

    start: int
    is_partial: bool
    expected: tuple[tuple[str, str], ...]
