"""applyPatch: the changes of a patch to several files, all of them or none."""

import asyncio
from typing import Annotated, assert_never

from pydantic import Field

from core.errors import Refused
from tools.arguments import MAX_CONTENT_CHARS, Arguments
from tools.files import change
from tools.files.patch.changing import patched
from tools.files.patch.grammar import AddFile, DeleteFile, Operation, UpdateFile, parse
from tools.files.read import read_known
from tools.files.replacing import text_of
from tools.files.write import WriteFile, write_file
from tools.output import ToolOutput
from tools.place import Place, Seen, Touches
from tools.text import sha256_of
from tools.tool import Tool
from tools.workspace.edits import Deleted, Edit, MadeFolder, Renamed, Written
from tools.workspace.port import Changed, NoSuchFile, NotAFolder, RelPath, Workspace
from tools.workspace.staged import StagedWorkspace

MAX_PROBLEMS = 5
MAX_REMARKS = 20
MAX_WRITTEN_BYTES = 50 * 1024 * 1024  # all files together, which are held in memory


class ApplyPatch(Arguments):
    """Arguments of applyPatch."""

    patch: Annotated[
        str,
        Field(
            max_length=MAX_CONTENT_CHARS,
            description="The whole patch, from '*** Begin Patch' to '*** End Patch'.",
        ),
    ]


class NotApplied(Refused):
    """The patch cannot be applied; nothing was changed."""

    code = "patch_refused"


async def apply_patch(arguments: ApplyPatch, place: Place) -> ToolOutput:
    """Make all changes on a stage; only if each can be made, repeat them in the workspace."""
    operations = await asyncio.to_thread(parse, arguments.patch)
    stage = StagedWorkspace(place.files)
    inner = Place(stage, Seen(place.seen), place.folder, place.need)
    lines: list[str] = []
    remarks: list[str] = []
    problems: list[str] = []
    for operation in operations:
        try:
            line, said = await _make(operation, inner)
        except Refused as refused:
            problems.append(str(refused))
            if len(problems) == MAX_PROBLEMS:
                break
            continue
        lines.append(line)
        remarks += said
        _check_size(stage)
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise NotApplied(f"The patch was not applied, and no file was changed:\n{listed}")
    for edit in stage.edits:
        await _repeat(edit, place.files)
    place.seen.learn(_learned(place.seen, inner.seen))
    more = len(remarks) - MAX_REMARKS
    said = remarks[:MAX_REMARKS] + ([f"({more} more remarks)"] if more > 0 else [])
    return ToolOutput(text="\n".join(["Successfully applied the patch:", *lines, *said]))


async def _make(operation: Operation, place: Place) -> tuple[str, tuple[str, ...]]:
    """Make one change; a line that says so, and remarks."""
    match operation:
        case AddFile(path, text):
            output = await write_file(WriteFile(path=path, content=text), place)
            if output.is_error:
                raise NotApplied(output.text)
            return f"A {path}", ()
        case DeleteFile(path):
            await _refuse_folder(path, place)
            await change.delete_file(change.DeleteFile(path=path), place)
            return f"D {path}", ()
        case UpdateFile():
            return await _update(operation, place)
        case _:
            assert_never(operation)


async def _update(update: UpdateFile, place: Place) -> tuple[str, tuple[str, ...]]:
    path = update.path
    remarks: tuple[str, ...] = ()
    if update.hunks:
        data, file = await text_of(path, place)
        base = place.seen.get(path, sha256_of(data))
        if base != sha256_of(data):
            raise Changed(path)
        made = await asyncio.to_thread(patched, path, file, update.hunks)
        await place.files.write(path, made.data, expected_sha256=base)
        place.seen[path] = sha256_of(made.data)
        remarks = made.remarks
    if update.move_to is None:
        return f"M {path}", remarks
    await _refuse_folder(path, place)
    target = update.move_to
    move = change.RenameFile.model_validate({"path": path, "newPath": target})
    await change.rename_file(move, place)
    return f"M {target} (moved from {path})", remarks


async def _refuse_folder(path: RelPath, place: Place) -> None:
    try:
        await place.files.list_folder(path)
    except NotAFolder as blocked:
        if blocked.file != path:
            raise
    except NoSuchFile:
        await read_known(path, place)  # says what may be meant
    else:
        raise NotApplied(f"{path} is a folder; a patch changes files.")


def _check_size(stage: StagedWorkspace) -> None:
    size_bytes = sum(len(edit.data) for edit in stage.edits if isinstance(edit, Written))
    if size_bytes > MAX_WRITTEN_BYTES:
        raise NotApplied(
            f"The patch writes more than {MAX_WRITTEN_BYTES // 1024 // 1024} MiB, so no file was "
            "changed. Split it up."
        )


async def _repeat(edit: Edit, files: Workspace) -> None:
    match edit:
        case Written():
            await files.write(edit.path, edit.data, expected_sha256=edit.base_sha256)
        case Deleted():
            await files.delete(edit.path)
        case Renamed():
            await files.rename(edit.path, edit.new_path)
        case MadeFolder():
            await files.make_folder(edit.path)
        case _:
            assert_never(edit)


def _learned(before: Seen, after: Seen) -> dict[str, str]:
    """What is known otherwise now; "" for what is not known any more."""
    known = {**dict.fromkeys(before, ""), **after}
    return {path: sha256 for path, sha256 in known.items() if before.get(path, "") != sha256}


def _touches(arguments: ApplyPatch) -> Touches:
    paths: set[RelPath] = set()
    for operation in parse(arguments.patch):
        paths.add(operation.path)
        if isinstance(operation, UpdateFile) and operation.move_to is not None:
            paths.add(operation.move_to)
    return Touches(writes=frozenset(paths))


APPLY_PATCH = Tool(
    name="applyPatch",
    description=(
        "Apply a patch to one or more files, all or nothing. It stands between "
        "'*** Begin Patch' and '*** End Patch' and has, for each file, '*** Add File: path' with "
        "lines that begin with +, '*** Delete File: path', or '*** Update File: path' (then "
        "perhaps '*** Move to: path') with hunks. A hunk begins with @@, perhaps followed by a "
        "line that stands above it such as 'class A:'; its lines begin with a space (stays), - "
        "(goes) or + (comes), with 3 lines that stay around a change; '*** End of File' ends one "
        "at the end of the file. No line numbers."
    ),
    arguments=ApplyPatch,
    touches=_touches,
    run=apply_patch,
)
