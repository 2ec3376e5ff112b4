"""listFiles and readFiles, by ids."""

import json

from core.errors import Refused
from tools.files.by_id.arguments import ListFiles, ReadFiles
from tools.files.by_id.ids import GET_IDS, touched
from tools.files.read import ReadFile, read_file
from tools.output import Part, ToolOutput
from tools.place import Place, Touches
from tools.tool import Tool
from tools.workspace.ignored import GENERATED
from tools.workspace.paths import ROOT, name_of, parent_of
from tools.workspace.port import NoSuchFile, RelPath

MAX_LISTED = 1_000
MAX_SHOWN_CHARS = 100_000  # of all files of one call


async def list_files(_: ListFiles, place: Place) -> ToolOutput:
    """Every file and folder, folders first; what programs generate is left out."""
    entries = [
        entry
        for entry in await place.files.walk()
        if not GENERATED.match_file(entry.path + ("/" if entry.kind == "folder" else ""))
    ]
    entries.sort(key=lambda entry: entry.kind != "folder")
    shown = [
        {
            "id": entry.path,
            "name": name_of(entry.path),
            "type": entry.kind,
            "parentId": parent_of(entry.path) or None,
        }
        for entry in entries[:MAX_LISTED]
    ]
    text = json.dumps(shown, ensure_ascii=False)
    more = len(entries) - len(shown)
    return ToolOutput(f"{text}\n[{more:,} more are not shown.]" if more > 0 else text)


async def read_files(arguments: ReadFiles, place: Place) -> ToolOutput:
    """Each file with its content, or with what is wrong with it."""
    found: list[dict[str, str]] = []
    parts: list[Part] = []
    is_any = False
    left = MAX_SHOWN_CHARS
    for file_id in arguments.file_ids:
        described = {"id": file_id, "name": name_of(RelPath(file_id))}
        if left <= 0:
            found.append(described | {"error": "Not read: it is too much for one call."})
            continue
        try:
            output = await read_file(ReadFile(path=file_id), place)
        except NoSuchFile:
            found.append(described | {"error": f"File not found. {GET_IDS}"})
            continue
        except Refused as refused:
            output = ToolOutput(str(refused), is_error=True)
        is_any = True
        left -= len(output.text)
        parts += output.parts
        found.append(described | {"error" if output.is_error else "content": output.text})
    if not is_any:
        text = "Error: No files found with provided IDs. Use listFiles to get valid fileIDs."
        return ToolOutput(text, is_error=True)
    return ToolOutput(json.dumps(found, ensure_ascii=False), parts=tuple(parts))


LIST_FILES_BY_ID = Tool(
    name="listFiles",
    description="List all files and folders of the project with their IDs, as JSON.",
    arguments=ListFiles,
    touches=lambda _: Touches(reads=frozenset({ROOT})),
    run=list_files,
)

READ_FILES = Tool(
    name="readFiles",
    description="Read the contents of files by their IDs, as JSON.",
    arguments=ReadFiles,
    touches=lambda arguments: Touches(reads=touched(arguments.file_ids)),
    run=read_files,
)
