"""The calls that work in a project's folder: where each works, and what it has changed.

It has changed files on a stage of its own, or in the folder where a command ran.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

from core.errors import Refused
from core.ids import ToolCallId
from jobs.answer.records import edit_records
from jobs.files.commands import Changes
from jobs.files.folder import ProjectFolder
from store.errors import FileChanged, GenerationClosed
from store.mcp import McpTokenGone
from store.records import FileEdit, NewMode, WrittenFile
from tools.diffs import MAX_FILES, diff_parts
from tools.output import Part, ToolOutput
from tools.place import Place, Provided, Seen, Touches
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


CHANGED_MEANWHILE = (
    "Nothing was changed: somebody else changed the same file at the same moment. "
    "Read it again, then repeat your change."
)

NO_MODES: Mapping[str, NewMode] = MappingProxyType({})

Keep = Callable[[ToolOutput, Sequence[FileEdit]], Awaitable[ToolOutput]]
"""Keeps a result with the changes of its call, in one write; gives what is on record then."""


class Calls:
    """The calls under way in one folder.

    Args:
        folder: the project's files on this disk.
        need: what tools may ask for.
    """

    def __init__(self, folder: ProjectFolder, need: Provided) -> None:
        self._folder = folder
        self._need = need
        self._changes: dict[ToolCallId, CallChanges] = {}

    async def start(
        self,
        call_id: ToolCallId,
        *,
        touches: Touches,
        seen: Seen,
        own: Sequence[object] = (),
        version: int | None = None,
    ) -> Place:
        """A place with the newest files. `own`: what tools may ask for in this call alone.

        `version`: that of the newest files, where it was told just now.

        Raises: NotFound, DiskFull.
        """
        await self._folder.pull(version)
        files = StagedChanges(self._folder)
        self._changes[call_id] = files
        if touches.in_folder:
            await self._folder.command_begins(call_id)
            self._changes[call_id] = FolderChanges(self._folder, call_id)
        return Place(files.stage, seen, self._folder.path, self._need.also(*own))

    async def rehearse(
        self, work: Callable[[Place], Awaitable[ToolOutput]], *, seen: Seen
    ) -> tuple[Part, ...]:
        """What the work of a call would change in the newest files; nothing of it is kept.

        Raises: NotFound, DiskFull.
        """
        await self._folder.pull()
        files = StagedChanges(self._folder)
        output = await work(Place(files.stage, Seen(seen)))
        return (await files.collect(output)).parts

    def drop(self, call_id: ToolCallId) -> None:
        """What it has changed is not kept."""
        changes = self._changes.pop(call_id, None)
        if changes is not None:
            changes.dropped()

    async def finish(
        self,
        call_id: ToolCallId,
        output: ToolOutput,
        keep: Keep,
        *,
        modes: Mapping[str, NewMode] = NO_MODES,
    ) -> ToolOutput:
        """Keep the call's changes and its result; what cannot be changed becomes an error for it.

        `modes` are those of files that it wrote; the others stay as executable as they were.

        Raises: as `keep`.
        """
        changes = self._changes[call_id]
        try:
            collected = _with_modes(await changes.collect(output), modes)
            text = "\n\n".join(part for part in (output.text, collected.remark) if part)
            made = ToolOutput(text, output.is_error, (*output.parts, *collected.parts))
            kept = await _kept(keep, made, collected.edits)
            if kept is made:
                await changes.kept(collected)
        finally:
            self.drop(call_id)
        return kept


def _with_modes(collected: Collected, modes: Mapping[str, NewMode]) -> Collected:
    edits = [
        replace(edit, mode=modes[edit.path])
        if isinstance(edit, WrittenFile) and edit.path in modes
        else edit
        for edit in collected.edits
    ]
    return replace(collected, edits=tuple(edits))


async def _kept(keep: Keep, output: ToolOutput, edits: Sequence[FileEdit]) -> ToolOutput:
    try:
        return await keep(output, edits)
    except (GenerationClosed, McpTokenGone):
        raise
    except FileChanged:
        return await keep(ToolOutput(CHANGED_MEANWHILE, is_error=True), ())
    except Refused as refused:
        if not edits:
            raise
        return await keep(ToolOutput(f"Nothing was changed: {refused}", is_error=True), ())
