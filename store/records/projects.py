"""Projects, their imports and exports, and the log of their generation."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from core.ids import OwnerId, ProjectId

ImportStatus = Literal["importing", "completed", "failed", "cancelled"]
ExportStatus = Literal["exporting", "completed", "failed", "cancelled"]


@dataclass(frozen=True)
class ProjectSettings:
    """Commands of the preview; None means the default (`npm install`, `npm run dev`)."""

    install_command: str | None = None
    dev_command: str | None = None


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


@dataclass(frozen=True)
class Transfer:
    """An import or export of a repository; `done` of `total` files are through."""

    transfer_id: str
    project_id: ProjectId
    kind: Literal["import", "export"]
    status: Literal["running", "completed", "failed", "cancelled"]
    done: int
    total: int
    created_at: datetime
    heartbeat_at: datetime
    repo_url: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class GenerationEvent:
    """A line of the log of a project's generation."""

    project_id: ProjectId
    type: Literal["step", "file", "info", "error"]
    message: str
    created_at: datetime
    file_path: str | None = None
    preview: str | None = None
