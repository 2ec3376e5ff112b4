"""Projects, their imports and exports, and the log of their generation."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypedDict

from core.ids import EventId, OwnerId, ProjectId
from store.records.asks import ApprovalRule
from store.records.outbox import OutboxEvent

ImportStatus = Literal["importing", "completed", "failed", "cancelled"]
TransferKind = Literal["import", "export", "pull", "pullRequest"]
ExportStatus = Literal["exporting", "completed", "failed", "cancelled"]


ToolSetName = Literal["paths", "ids"]


@dataclass(frozen=True)
class ProjectSettings:
    """What a project has chosen; None means what holds everywhere.

    Commands of the preview (`npm install`, `npm run dev`); by what the agent's file tools name
    files (`paths`); which package registries commands may reach, as `host:port`: those of them that
    the operator allows (all of these); which of the agent's calls a person is asked about (none).
    """

    install_command: str | None = None
    dev_command: str | None = None
    tool_set: ToolSetName | None = None
    registries: tuple[str, ...] | None = None
    approvals: tuple[ApprovalRule, ...] | None = None


class SettingsChange(TypedDict, total=False):
    """Fields of the settings: what is absent stays, None is what holds everywhere."""

    install_command: str | None
    dev_command: str | None
    tool_set: ToolSetName | None
    registries: tuple[str, ...] | None
    approvals: tuple[ApprovalRule, ...] | None


@dataclass(frozen=True)
class PartlyPulled:
    """A pull that broke off: the project has this commit's files up to this path."""

    commit: str
    up_to: str


@dataclass(frozen=True)
class NewLink:
    """What a project has in common with a repository: a commit of a branch, tag or commit.

    `folder`: the project is only this folder of it; "" means all of it.
    """

    repository: str
    branch: str
    folder: str
    commit: str


@dataclass(frozen=True, kw_only=True)
class RepositoryLink(NewLink):
    """The same as it is kept: since when, where people find it, what a broken-off pull has left."""

    url: str
    synced_at: datetime
    partly: tuple[PartlyPulled, ...] | None = None


@dataclass(frozen=True)
class OpenedPullRequest:
    """A pull request, as GitHub numbers it, and its page."""

    number: int
    url: str


@dataclass(frozen=True)
class Project:
    """A project. `files_version` grows with each change of a file: see `Files.changes`."""

    project_id: ProjectId
    owner_id: OwnerId
    name: str
    created_at: datetime
    updated_at: datetime
    files_version: int = 0
    settings: ProjectSettings = field(default_factory=ProjectSettings)
    import_status: ImportStatus | None = None
    export_status: ExportStatus | None = None
    export_repo_url: str | None = None
    repository: RepositoryLink | None = None


@dataclass(frozen=True)
class ReportLine:
    """A file of a transfer, and what is to be said of it."""

    path: str
    reason: str


@dataclass(frozen=True)
class Transfer:
    """A way of files into a project or out of it; `done` of `total` files are through.

    `skipped` are files that are not in the project, and why; at most 200 of the `skipped_count`
    there are. `notes` say of files that are there what they seem not to be. `conflicts` are those
    that both sides have changed, and where to look, in the same way. `up_to`: the last path that a
    pull is through with.
    """

    transfer_id: str
    project_id: ProjectId
    kind: TransferKind
    status: Literal["running", "completed", "failed", "cancelled"]
    done: int
    total: int
    created_at: datetime
    heartbeat_at: datetime
    phase: str | None = None
    bytes: int | None = None
    total_bytes: int | None = None
    waiting_until: datetime | None = None
    skipped: tuple[ReportLine, ...] | None = None
    skipped_count: int | None = None
    notes: tuple[ReportLine, ...] | None = None
    branch: str | None = None
    commit: str | None = None
    repo_url: str | None = None
    up_to: str | None = None
    conflicts: tuple[ReportLine, ...] | None = None
    conflicts_count: int | None = None
    pull_request: OpenedPullRequest | None = None
    error: str | None = None
    error_code: str | None = None


@dataclass(frozen=True)
class RequestedExport:
    """A transfer that is to be done: send the events, which the relay sends otherwise."""

    transfer: Transfer
    event_id: EventId
    events: tuple[OutboxEvent, ...]


@dataclass(frozen=True)
class RequestedImport(RequestedExport):
    """An import that is to be done, and the project that it fills."""

    project: Project


@dataclass(frozen=True)
class CancelledTransfers:
    """What was stopped, and the events that stop the runs."""

    transfer_ids: tuple[str, ...]
    events: tuple[OutboxEvent, ...]


@dataclass(frozen=True)
class GenerationEvent:
    """A line of the log of a project's generation."""

    project_id: ProjectId
    type: Literal["step", "file", "info", "error"]
    message: str
    created_at: datetime
    file_path: str | None = None
    preview: str | None = None
