"""getRelevantFiles: where in a project to look first, and why."""

from typing import Annotated

from pydantic import Field

from core.errors import Refused
from core.text import is_storable
from tools.arguments import Arguments
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.search.arguments import BadPattern
from tools.search.listing import list_files
from tools.search.relevance.client import RelevanceIndex
from tools.search.relevance.facts import MAX_BYTES, is_indexed
from tools.tool import Tool
from tools.workspace.paths import MAX_PATH_CHARS, ROOT, confine

MAX_FILES = 20
MAX_INDEXED = 20_000
MOST_REASONS = 3
SCALE = 10  # of scores


class GetRelevantFiles(Arguments):
    """Arguments of getRelevantFiles."""

    query: Annotated[
        str,
        Field(max_length=2_000, description="What it is about, in words or names of the code."),
    ] = ""
    current_file: Annotated[
        str | None,
        Field(
            alias="currentFile",
            min_length=1,
            max_length=MAX_PATH_CHARS,
            description="A file whose neighbours count more.",
        ),
    ] = None
    max_files: Annotated[
        int, Field(alias="maxFiles", ge=1, le=MAX_FILES, description="How many at most.")
    ] = 5


class NotAvailable(Refused):
    """There is no index, or no disk for one."""

    code = "not_available"


async def get_relevant_files(arguments: GetRelevantFiles, place: Place) -> ToolOutput:
    """The files that fit a query and a current file best."""
    current = None if arguments.current_file is None else confine(arguments.current_file)
    if current is None and not arguments.query.strip():
        raise BadPattern("Give a query, a currentFile, or both.")
    if not is_storable(arguments.query):
        raise BadPattern("The query holds a NUL. Leave it out.")
    if place.folder is None:
        raise NotAvailable(
            "getRelevantFiles needs the project on disk, and it is not. Use searchFiles instead."
        )
    index = place.need(RelevanceIndex)
    paths = [
        path for path in await list_files(place, None, max_bytes=MAX_BYTES) if is_indexed(path)
    ]
    if current is not None and current not in paths:
        await place.files.read(current)  # raises where it is none
    try:
        answer = await index.ask(
            place.folder,
            paths[:MAX_INDEXED],
            query=arguments.query,
            current=current,
            limit=arguments.max_files,
            edited=list(place.seen),
        )
    except TimeoutError as late:
        raise NotAvailable(
            "The index did not answer in time; it goes on where it was. Ask again, or use "
            "searchFiles."
        ) from late
    remarks: list[str] = []
    if answer.left:
        remarks.append(f"[{answer.left:,} files are not indexed yet; ask again for them.]")
    if len(paths) > MAX_INDEXED:
        remarks.append(f"[Only the first {MAX_INDEXED:,} of {len(paths):,} files are indexed.]")
    about = f'query: "{arguments.query}"' if arguments.query.strip() else f"file: {current}"
    if not answer.ranked:
        return ToolOutput(text="\n".join([f"No relevant files found for {about}", *remarks]))
    lines = [
        f"{number}. {it.path} [score: {it.score * SCALE:.1f}] "
        f"({', '.join(it.reasons[:MOST_REASONS]) or 'Near current file'})"
        for number, it in enumerate(answer.ranked, 1)
    ]
    head = f"Found {len(answer.ranked)} relevant file(s):"
    return ToolOutput(text="\n".join([head, *lines, *remarks]))


GET_RELEVANT_FILES = Tool(
    name="getRelevantFiles",
    description="Rank the files that matter for a task or a file, with reasons.",
    arguments=GetRelevantFiles,
    touches=lambda _: Touches(reads=frozenset({ROOT})),
    run=get_relevant_files,
)
