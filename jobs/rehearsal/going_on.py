"""Where a rehearsal leaves the recording: a real model goes on, with real tools, in a copy."""

from dataclasses import dataclass
from pathlib import Path

from jobs.recording.lines import Change, Files
from llm.model import Model
from tools.place import Provided
from tools.workspace.port import NoSuchFile, RelPath, Workspace


@dataclass(frozen=True)
class GoingOn:
    """From which step on, and with what.

    `files` is the copy of the project, the same as in `folder`; `need` gives what tools ask for.
    """

    step: str
    model: Model
    files: Workspace
    folder: Path
    need: Provided


async def fill(workspace: Workspace, files: Files) -> None:
    """Put the files of a recording into an empty workspace."""
    for path, content in files.files.items():
        await workspace.write(RelPath(path), content.data, expected_sha256=None)


async def repeat(change: Change, workspace: Workspace) -> None:
    """Make a change that a recorded call made; what is not there because it was left out stays."""
    path = RelPath(change.path)
    try:
        match change.kind:
            case "written":
                data = change.content.data if change.content else b""
                await workspace.write(path, data, expected_sha256=None)
            case "deleted":
                await workspace.delete(path)
            case "moved":
                await workspace.rename(path, RelPath(change.new_path or ""))
            case "folder":
                await workspace.make_folder(path)
    except NoSuchFile:
        return
