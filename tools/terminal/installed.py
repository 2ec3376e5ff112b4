"""What may run in a project: what everybody may, and the programs that it has installed."""

from itertools import islice
from pathlib import Path

from tools.terminal.policy.judge import Policy

MAX_LISTED = 10_000
_INSTALLED = ("node_modules/.bin", ".venv/bin")


def policy_in(folder: Path | None) -> Policy:
    """What may run in the project with this folder; None: it is not known what it has installed."""
    return Policy(lambda name: folder is not None and has_installed(folder, name))


def has_installed(folder: Path, program: str) -> bool:
    """Whether the project has installed a program of that name."""
    return "/" not in program and any((folder / each / program).exists() for each in _INSTALLED)


def installed_in(folder: Path) -> list[str]:
    """The programs that the project has installed, by their paths in it."""
    found = (path for each in _INSTALLED for path in sorted((folder / each).glob("*")))
    return [path.relative_to(folder).as_posix() for path in islice(found, MAX_LISTED)]
