"""Which language servers there are: the table, and where their programs stand."""

import platform
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from core.errors import Refused
from tools.workspace.port import RelPath

SEARCHED = "/usr/local/bin:/usr/bin:/bin:/usr/local/go/bin"
"""Where programs are looked for that do not come with us."""

_ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


class Server(BaseModel):
    """One language server.

    `languages` has the language id of each suffix. `watched` are the names and suffixes of other
    files that it reads, such as its settings. The server is started in the nearest folder around a
    file that has one of the `root_markers`, else in the project. `settings` are answers to
    workspace/configuration, by section.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=50)]
    command: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)]
    languages: Annotated[Mapping[str, str], Field(min_length=1)]
    root_markers: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = {}
    project_files: tuple[str, ...] = ()
    """Names of the files that define a project, where it knows a project only once one of the
    files in it is open."""
    reads_closed: bool = False
    """Whether it gives diagnostics of files that are not open."""

    commands: tuple[str, ...] = ()
    """Commands of the server that people's editors may have it run."""

    def defines_a_project(self, name: str) -> bool:
        """Whether a file of this name is one of the project files, or belongs to one.

        As tsconfig.app.json belongs to tsconfig.json.
        """
        return any(name.partition(".")[0] == each.partition(".")[0] for each in self.project_files)


_TYPESCRIPT_SETTINGS = {"disableAutomaticTypeAcquisition": True}  # else it runs `npm install`

TYPESCRIPT = Server(
    name="typescript",
    command=("tsc", "--lsp", "--stdio"),
    languages={
        ".ts": "typescript",
        ".mts": "typescript",
        ".cts": "typescript",
        ".tsx": "typescriptreact",
        ".js": "javascript",
        ".mjs": "javascript",
        ".cjs": "javascript",
        ".jsx": "javascriptreact",
    },
    watched=(".json",),
    settings=dict.fromkeys(("js/ts", "typescript", "javascript"), _TYPESCRIPT_SETTINGS),
    project_files=("tsconfig.json", "jsconfig.json"),
    reads_closed=True,
)

PYTHON = Server(
    name="ty",
    command=("ty", "server"),
    languages={".py": "python", ".pyi": "python"},
    watched=("pyproject.toml", "ty.toml", "setup.cfg", "setup.py"),
)

SERVERS = (
    TYPESCRIPT,
    PYTHON,
    Server(
        name="gopls",
        command=("gopls",),
        languages={".go": "go"},
        root_markers=("go.work", "go.mod"),
        watched=("go.mod", "go.sum", "go.work"),
    ),
    Server(
        name="rust-analyzer",
        command=("rust-analyzer",),
        languages={".rs": "rust"},
        root_markers=("Cargo.toml",),
        watched=("Cargo.toml", "Cargo.lock"),
        settings={"rust-analyzer": {"checkOnSave": False}},  # it would run cargo
    ),
    Server(
        name="clangd",
        command=("clangd",),
        languages={
            ".c": "c",
            ".h": "c",
            ".cc": "cpp",
            ".cpp": "cpp",
            ".hpp": "cpp",
        },
        root_markers=("compile_commands.json", "compile_flags.txt"),
        watched=("compile_commands.json", "compile_flags.txt"),
    ),
)
"""Those that are known. The first two come with us, the others are used where they are."""


def read_table(file: Path) -> tuple[Server, ...]:
    """More servers, from a JSON file with a list of them.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such list.
    """
    return TypeAdapter(tuple[Server, ...]).validate_json(file.read_bytes())


class NoServer(Refused):
    """No language server knows the file, or its program is not there."""

    code = "no_language_server"


def server_of(servers: Iterable[Server], path: RelPath) -> Server:
    """The server for a file, by its suffix. Raises: NoServer."""
    suffix = Path(path).suffix.lower()
    known: set[str] = set()
    for server in servers:
        if suffix in server.languages:
            return server
        known.update(server.languages)
    raise NoServer(
        f"No language server knows {path}: it works for files that end in "
        f"{', '.join(sorted(known))}. Search the text instead."
    )


def command_of(server: Server) -> Sequence[str]:
    """What starts it, with the program as a whole path. Raises: NoServer."""
    name, *arguments = server.command
    program = _program(name)
    if program is None:
        suffixes = ", ".join(sorted(server.languages))
        raise NoServer(
            f"The language server for {suffixes} files, {name}, is not installed where Polaris "
            "runs. Search the text instead."
        )
    return [str(program), *arguments]


def is_installed(server: Server) -> bool:
    """Whether its program is there."""
    return _program(server.command[0]) is not None


def _program(name: str) -> Path | None:
    match name:
        case "tsc":
            return _existing(_typescript())
        case "ty":
            return _existing(Path(sysconfig.get_path("scripts")) / "ty")
        case _:
            found = shutil.which(name, path=SEARCHED)
            return None if found is None else Path(found)


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _typescript() -> Path:
    """The native program of the npm package: its wrapper would keep a Node in memory."""
    machine = _ARCHITECTURES.get(platform.machine().lower(), platform.machine())
    modules = Path(__file__).parents[2] / "node_modules" / "@typescript"
    return modules / f"typescript-{sys.platform}-{machine}" / "lib" / "tsc"
