"""A command line as a tool gets it: judged, and put together for the sandbox."""

import asyncio
from dataclasses import replace
from pathlib import Path

from core.errors import Refused
from tools.consents import consents_of
from tools.place import Place
from tools.sandbox.port import Bounds, Confined
from tools.sandbox.registries import ALL, Registries
from tools.sandbox.running import Limits
from tools.sandbox.sandbox import Sandbox
from tools.terminal.installed import policy_in
from tools.workspace.paths import ROOT, confine_folder
from tools.workspace.port import RelPath

HISTORY_S = 60.0
INSTALLERS = frozenset(
    {"npm", "npx", "pnpm", "yarn", "bun", "pip", "pip3", "uv", "poetry", "python", "python3"}
)
"""Programs that may reach package registries, where those are allowed."""

_BASH = Path("/bin/bash")
_BEGIN_HISTORY = (
    "git rev-parse -q --verify HEAD > /dev/null 2>&1 || "
    "{ git add -A && git commit -q --no-verify --allow-empty -m 'The project as it was'; }"
)


class NoFolder(Refused):
    """There is no disk with the project's files."""

    code = "no_folder"


async def prepared(place: Place, line: str, cwd: str) -> Confined:
    """The line as the sandbox takes it.

    A project gets a history the first time that git is called: a commit of what is there, so that
    status, diff and log tell what changed since.

    Raises:
        Blocked: the policy forbids it.
        NoSuchFile, NotAFolder, BadPath: there is no such folder to start in.
        NoSandbox: nothing can run here.
    """
    folder = folder_of(place)
    start = confine_folder(cwd)
    consented = consents_of(place).commands
    programs = await asyncio.to_thread(policy_in(folder).check, line, consented)
    if start != ROOT:
        await place.files.list_folder(start)
    sandbox = place.need(Sandbox)
    if "git" in programs:
        await _begin_history(sandbox, folder)
    confined = _confined(line, folder, start)
    registries = registries_of(place)
    network = sandbox.reaches(registries) and bool(programs & INSTALLERS)
    return replace(confined, network=network, registries=registries)


def registries_of(place: Place) -> Registries:
    """Those that the project lets its commands reach; all, where the place says nothing of it."""
    try:
        return place.need(Registries)
    except LookupError:
        return ALL


def folder_of(place: Place) -> Path:
    """The project's files on disk. Raises: NoFolder."""
    if place.folder is None:
        raise NoFolder("Commands cannot run here: the project's files are on no disk.")
    return place.folder


async def _begin_history(sandbox: Sandbox, folder: Path) -> None:
    await sandbox.run(_confined(_BEGIN_HISTORY, folder, ROOT), Limits(timeout_s=HISTORY_S))


def _confined(line: str, folder: Path, start: RelPath) -> Confined:
    shell = str(_BASH) if _BASH.exists() else "/bin/sh"
    return Confined((shell, "-c", line), folder, start, bounds=Bounds())
