"""What of a command line needs a person's consent, and what they have consented to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.place import Place
from tools.terminal.policy.judge import Policy
from tools.terminal.policy.verdict import Ask, Call

_INSTALLED = ("node_modules/.bin", ".venv/bin")


@dataclass(frozen=True)
class Consents:
    """The calls of programs that a person lets run in one command line, by their texts."""

    commands: frozenset[str] = frozenset()


def consents_of(place: Place) -> Consents:
    """Those of the call that works in this place; none, where nobody is asked."""
    try:
        return place.need(Consents)
    except LookupError:
        return Consents()


def asked_by(line: str, folder: Path | None) -> Mapping[Call, Ask]:
    """The calls in the line that need consent in a project with this folder.

    Where the folder is None, what it has installed is not known and needs consent, too.
    """
    return policy_in(folder).asked(line)


def policy_in(folder: Path | None) -> Policy:
    """What may run in a project, which has installed programs of its own."""
    return Policy(lambda name: folder is not None and has_installed(folder, name))


def has_installed(folder: Path, program: str) -> bool:
    """Whether the project has installed a program of that name."""
    return "/" not in program and any((folder / each / program).exists() for each in _INSTALLED)
