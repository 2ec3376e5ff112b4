"""What a tool call has changed: on a stage of its own, or in the folder where a command ran."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.ids import ToolCallId
from jobs.answer.records import edit_records
from jobs.files.commands import Changes
from jobs.files.folder import ProjectFolder
from store.records import FileEdit
from tools.diffs import MAX_FILES, diff_parts
from tools.output import Part, ToolOutput
from tools.workspace.edits import Deleted, FileChange, Written
from tools.workspace.staged import StagedWorkspace

MAX_NAMED = 10  # of each kind that no project can keep


@dataclass(frozen=True)
class Collected:
    """Changes as the store takes them, with what people see of them and a remark for the model."""

    edits: tuple[FileEdit, ...] = ()
    parts: tuple[Part, ...] = ()
    remark: str = ""


class CallChanges(Protocol):
    """The changes of one call, from its start to its end."""

    async def collect(self, output: ToolOutput) -> Collected:
        """What the call has changed, now that it has come to this output."""
        ...

    async def kept(self, collected: Collected) -> None:
        """The store has them."""
        ...

    def dropped(self) -> None:
        """The store does not have them and never will."""
        ...


class StagedChanges:
    """Those of a tool that writes through its workspace: none of them is on the disk yet."""

    def __init__(self, folder: ProjectFolder) -> None:
        self._folder = folder
        self.stage = StagedWorkspace(folder.workspace)

    async def collect(self, output: ToolOutput) -> Collected:
        """Nothing of a call that ended with an error."""
        if output.is_error or not self.stage.edits:
            return Collected()
        paths = self.stage.changed_paths()
        changes = [await self.stage.change_of(path) for path in paths[:MAX_FILES]]
        return Collected(edit_records(self.stage.edits), await diff_parts(changes, of=len(paths)))

    async def kept(self, collected: Collected) -> None:
        """Repeat them on the disk."""
        await self._folder.apply(collected.edits)

    def dropped(self) -> None:
        """They were on the stage only."""


class FolderChanges:
    """Those of a command: they are on the disk, and count whether it succeeded or not."""

    def __init__(self, folder: ProjectFolder, call_id: ToolCallId) -> None:
        self._folder = folder
        self._call_id = call_id
        self._found = Changes(())

    async def collect(self, output: ToolOutput) -> Collected:  # noqa: ARG002 - see above
        """How the folder differs from the store now."""
        self._found = await self._folder.command_changes(self._call_id)
        files = [edit for edit in self._found.edits if isinstance(edit, (Written, Deleted))]
        shown = files[:MAX_FILES]
        old = [edit.path for edit in shown if isinstance(edit, Deleted) or edit.base_sha256]
        before = await self._folder.stored(old)
        changes = [
            FileChange(
                edit.path,
                before.get(edit.path, b"" if isinstance(edit, Deleted) else None),  # b"": a folder
                edit.data if isinstance(edit, Written) else None,
            )
            for edit in shown
        ]
        parts = await diff_parts(changes, of=len(files))
        return Collected(edit_records(self._found.edits), parts, _not_kept(self._found))

    async def kept(self, collected: Collected) -> None:  # noqa: ARG002 - it is what was found
        """The folder is as the store has it."""
        await self._folder.command_kept(self._call_id, self._found)

    def dropped(self) -> None:
        """The next pull takes them back."""
        self._folder.command_lost(self._call_id)


def _not_kept(found: Changes) -> str:
    """What the command has made that no project can keep, in words."""
    remarks: list[str] = []
    if found.too_large:
        names = ", ".join(found.too_large)
        remarks.append(f"These files are too large to be kept in the project: {names}")
    if found.leading_out:
        links = [f"{path} -> {target[:200]!r}" for path, target in found.leading_out.items()]
        remarks.append(
            "These symbolic links lead out of the project, so they are not kept in it; only a link "
            f"with a relative path to a place in the project is: {_some(links)}"
        )
    if found.unnameable:
        names = [repr(path[:200]) for path in found.unnameable]
        remarks.append(
            "These have names that not every system can have, so they are not kept in the project; "
            f"rename what is needed: {_some(names)}"
        )
    return "\n".join(remarks)


def _some(names: Sequence[str]) -> str:
    more = f", and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return f"{', '.join(names[:MAX_NAMED])}{more}"
