"""searchCodebase: names by what they are in the code, and structures, over syntax trees.

ast-grep does the work in a process of its own. It is given the files by name, so that it looks at
the same ones as the other searches, and a configuration of ours: one of the project could make it
load a library.
"""

import asyncio
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Field

from core.errors import Refused
from core.text import is_storable
from tools.arguments import Arguments
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.search.arguments import MAX_PATTERN_CHARS, BadPattern, FilePattern, glob_or_none
from tools.search.globs import Glob
from tools.search.languages import IMPORTED, KINDS, LANGUAGE_OF, PROGRAMMING, RULES, Kind, Rule
from tools.search.listing import list_files, names_containing, path_from
from tools.search.programs import AST_GREP, Output, run_program
from tools.tool import Tool
from tools.workspace.paths import ROOT
from tools.workspace.port import RelPath

MAX_SHOWN = 50
MAX_FILES = 20_000  # given to one program; their names must fit into a command line
MAX_NAMES_CHARS = 1_000_000
MAX_LINE_CHARS = 160
MAX_NAME_CHARS = 80
_PLURALS = {"class": "classes"}
_OURS = (f"--config={Path(__file__).with_name('sgconfig.yml')}", "--json=stream")
_NO_LIBRARIES = "--custom-languages=ignore"
MAX_SOURCE_BYTES = 1024 * 1024  # of a file; larger ones are made by programs
MAX_SOURCE_LINE = 4_000  # bytes: each match in a line brings the whole line along
_LONG_LINE = f"(?-u)[^\\n]{{{MAX_SOURCE_LINE}}}"
_ENDS = {0, 1}  # of ast-grep: something was found, or nothing


class SearchCodebase(Arguments):
    """Arguments of searchCodebase."""

    pattern_type: Annotated[
        Literal["import", "function", "class", "variable", "export", "call", "heading", "all"],
        Field(
            alias="patternType",
            description="What to find; class includes types, variable keys of JSON and YAML.",
        ),
    ] = "all"
    search_term: Annotated[
        str | None,
        Field(alias="searchTerm", min_length=1, max_length=200, description="A part of its name."),
    ] = None
    pattern: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=MAX_PATTERN_CHARS,
            description="Instead: code with $X for any node and $$$X for any number of them.",
        ),
    ] = None
    file_pattern: FilePattern = None


class NeedsFolder(Refused):
    """The files are not on a disk, where the program could read them."""

    code = "needs_folder"

    def __init__(self) -> None:
        super().__init__(
            "searchCodebase needs the project on disk, and it is not. Use searchFiles instead."
        )


@dataclass(frozen=True, order=True)
class _Found:
    path: RelPath
    line: int  # from 0
    column: int  # from 0, in bytes
    order: int  # of the kind
    kind: str
    name: str
    text: str


@dataclass(frozen=True)
class _Searched:
    """What was found, sorted; `remarks` say what was left out."""

    found: Sequence[_Found]
    remarks: Sequence[str]


async def search_codebase(arguments: SearchCodebase, place: Place) -> ToolOutput:
    """Names of a kind, or places where code looks like a pattern."""
    glob = glob_or_none(arguments.file_pattern)
    for text in (arguments.search_term, arguments.pattern):
        if text is not None and not is_storable(text):
            raise BadPattern("A NUL is in no code. Leave it out.")
    if arguments.pattern is not None:
        return await _search_structure(arguments.pattern, glob, place)
    wanted = KINDS if arguments.pattern_type == "all" else (arguments.pattern_type,)
    able = {language for language in RULES if RULES[language].keys() & set(wanted)}
    files, remarks = await _files(place, glob, able, arguments.search_term)
    languages = {_language(path) for path in files}
    rules = _rules(languages, wanted, arguments.search_term)
    scan = ["scan", f"--inline-rules={rules}"]
    searched = await _run(scan, files, place, remarks) if rules else _Searched((), remarks)
    found = searched.found
    words = "code pattern" if arguments.pattern_type == "all" else arguments.pattern_type
    about = f' matching "{arguments.search_term}"' if arguments.search_term else ""
    if not found:
        plural = _PLURALS.get(words, f"{words}s")
        return ToolOutput(text="\n".join([f"No {plural} found{about}.", *searched.remarks]))
    lines = [
        f"[{it.kind}] {it.name} - {it.path}:{it.line + 1}\n    {_cut(it.text, MAX_LINE_CHARS)}"
        for it in found[:MAX_SHOWN]
    ]
    return _told(f"Found {_count(searched)} {words}(s)", lines, searched)


async def _search_structure(pattern: str, glob: Glob | None, place: Place) -> ToolOutput:
    files, remarks = await _files(place, glob, set(RULES), None)
    searched = await _run(["run", f"--pattern={pattern}"], files, place, remarks)
    if not searched.found:
        languages = sorted({_language(path) for path in files} & PROGRAMMING)
        problems = await _problems(pattern, languages)
        if problems and len(problems) == len(languages):
            told = "\n".join(f"- {language}: {why}" for language, why in problems.items())
            return ToolOutput(
                text=f'The pattern "{pattern}" is no code that stands alone:\n{told}\n'
                "Write a whole expression, statement or definition, with $X for any node.",
                is_error=True,
            )
        text = f'No code looks like "{pattern}".'
        return ToolOutput(text="\n".join([text, *searched.remarks]))
    lines = [
        f"{it.path}:{it.line + 1}:{it.column + 1} - {_cut(it.text, MAX_LINE_CHARS)}"
        for it in searched.found[:MAX_SHOWN]
    ]
    return _told(f"Found {_count(searched)} match(es)", lines, searched)


def _told(head: str, lines: Sequence[str], searched: _Searched) -> ToolOutput:
    more = f" (showing first {MAX_SHOWN})" if len(searched.found) > MAX_SHOWN else ""
    return ToolOutput(text="\n".join([f"{head}{more}:", *lines, *searched.remarks]))


def _count(searched: _Searched) -> str:
    return f"at least {len(searched.found)}" if searched.remarks else str(len(searched.found))


async def _files(
    place: Place, glob: Glob | None, languages: set[str], term: str | None
) -> tuple[list[RelPath], Sequence[str]]:
    """Those in one of the languages that have the term; what is said of the others."""
    if place.folder is None:
        raise NeedsFolder
    async with asyncio.TaskGroup() as tasks:
        listing = tasks.create_task(list_files(place, glob, max_bytes=MAX_SOURCE_BYTES))
        long_lines = tasks.create_task(
            names_containing(place.folder, _LONG_LINE, glob, is_literal=False)
        )
        having = (
            tasks.create_task(names_containing(place.folder, term, glob, is_literal=True))
            if term is not None
            else None
        )
    files = [
        path
        for path in listing.result()
        if _language(path) in languages and (having is None or path in having.result())
    ]
    wide = long_lines.result().intersection(files)
    if not wide:
        return files, ()
    remark = (
        f"[{len(wide):,} file(s) with lines of over {MAX_SOURCE_LINE:,} bytes, as minified ones "
        f"have them, were not looked at: {', '.join(sorted(wide)[:3])}]"
    )
    return [path for path in files if path not in wide], (remark,)


def _language(path: RelPath) -> str:
    return LANGUAGE_OF.get(path[path.rfind(".") :] if "." in path else "", "")


def _rules(languages: Iterable[str], wanted: Sequence[Kind], term: str | None) -> str:
    """Documents of YAML, which JSON is as well."""
    rules: list[str] = []
    for language in sorted(languages):
        for kind in wanted:
            places = RULES[language].get(kind)
            if not places:
                continue
            rule: Rule = {"any": places}
            if term is not None:
                rule = {"all": [rule, {"regex": f"(?i){_literal(term)}"}]}
            rules.append(json.dumps({"id": kind, "language": language, "rule": rule}))
    return "\n---\n".join(rules)


def _literal(text: str) -> str:
    return re.sub(r"([\\.+*?()|\[\]{}^$#&~-])", r"\\\1", text)


async def _run(
    command: Sequence[str], files: Sequence[RelPath], place: Place, said: Sequence[str]
) -> _Searched:
    given, size = list[str](), 0
    for path in files[:MAX_FILES]:
        size += len(path.encode()) + 3
        if size > MAX_NAMES_CHARS:
            break
        given.append(f"./{path}")
    remarks = list(said)
    if len(given) < len(files):
        remarks.append(
            f"[Only {len(given):,} of {len(files):,} files were searched; narrow it with "
            "filePattern.]"
        )
    if not given:
        return _Searched((), remarks)
    subcommand, *options = command
    arguments = [subcommand, *_OURS, _NO_LIBRARIES, *options, "--", *given]
    output = await run_program(AST_GREP, arguments, folder=place.folder)
    if subcommand == "scan" and output.code not in _ENDS and not output.is_cut:
        raise RuntimeError(f"ast-grep refused our own rules: {output.stderr[:500]}")
    if output.is_cut:
        remarks.append("[There is more than was looked at; narrow it with filePattern.]")
    return _Searched(await asyncio.to_thread(_found, output.stdout), tuple(remarks))


def _found(stdout: bytes) -> list[_Found]:
    """Sorted, each place once: as what comes first in `KINDS`."""
    found = sorted(filter(None, map(_read, stdout.split(b"\n"))))
    kept: dict[tuple[RelPath, int, int], _Found] = {}
    for one in found:
        kept.setdefault((one.path, one.line, one.column), one)
    return list(kept.values())


def _read(line: bytes) -> _Found | None:
    if not line.endswith(b"}"):  # nothing, or cut off
        return None
    match: dict[str, Any] = json.loads(line)
    path = path_from(str(match["file"]).encode())
    if path is None:
        return None
    start = cast("Mapping[str, int]", match["range"]["start"])
    kind = cast("Kind | None", match.get("ruleId"))
    return _Found(
        path,
        start["line"],
        start["column"],
        0 if kind is None else KINDS.index(kind),
        kind or "",
        _name(str(match["text"]), kind, str(match["language"])),
        str(match["lines"]).lstrip("\n").partition("\n")[0],
    )


def _name(text: str, kind: str | None, language: str) -> str:
    if kind == "import" and language in IMPORTED:
        imported = IMPORTED[language].search(text)
        text = next(filter(None, imported.groups()), text) if imported else text
    elif kind == "heading":
        text = text.partition("\n")[0].strip("# ")
    return _cut(text.strip("\"'"), MAX_NAME_CHARS)


def _cut(text: str, limit: int) -> str:
    line = " ".join(text.split()) if len(text) <= 10 * limit else text[: 10 * limit].strip()
    return line if len(line) <= limit else f"{line[:limit]}…"


async def _problems(pattern: str, languages: Sequence[str]) -> dict[str, str]:
    """Why it is no pattern, by language; nothing of those where it is one."""
    problems: dict[str, str] = {}
    for language in languages:
        output = await run_program(
            AST_GREP,
            ["run", *_OURS, f"--lang={language.lower()}", f"--pattern={pattern}", "--stdin"],
            stdin=b"",
        )
        why = _problem(output)
        if why is not None:
            problems[language] = why
    return problems


def _problem(output: Output) -> str | None:
    if "ERROR node" in output.stderr:
        return "it holds a fault of syntax"
    caused = output.stderr.partition("╰▻")[2].strip().partition("\n")[0]
    return caused.partition(" Please check")[0] or None


SEARCH_CODEBASE = Tool(
    name="searchCodebase",
    description=(
        "Search code by its syntax: definitions, imports, exports and calls by name, or a pattern "
        "such as useState($X). For TypeScript, JavaScript, Python, Go, Rust, Java, HTML, CSS, "
        "JSON, YAML and Markdown."
    ),
    arguments=SearchCodebase,
    touches=lambda _: Touches(reads=frozenset({ROOT})),
    run=search_codebase,
)
