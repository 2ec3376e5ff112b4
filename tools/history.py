"""What the agent has changed before, and can undo: the port behind `undo`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tools.workspace.port import RelPath

Kind = Literal["file", "folder"]


@dataclass(frozen=True)
class Step:
    """What one path is to become: `kind`, None for nothing; a file is to hold `data`.

    `now_kind` is what stands there, `now_sha256` the hash of a file, or "". `is_merged`: others
    have changed the file since, and `data` has that as well. `is_replaced`: what stands there is a
    symbolic link, or is to become one: it goes first, because writing follows links.
    """

    path: RelPath
    now_kind: Kind | None
    now_sha256: str
    kind: Kind | None
    data: bytes = b""
    is_merged: bool = False
    is_replaced: bool = False


@dataclass(frozen=True)
class Undoing:
    """How to undo a change: steps, and paths that have to stay as they are, each with the reason.

    `is_known` is false when there is no change to undo.
    """

    is_known: bool
    steps: tuple[Step, ...] = ()
    conflicts: tuple[tuple[str, str], ...] = ()


class ChangeHistory(ABC):
    """The changes of an agent in one conversation. Each call of a tool is given one of its own."""

    @abstractmethod
    async def undoing(self, paths: Sequence[RelPath] | None) -> Undoing:
        """How to undo the last turn that changed files and is not undone; asked once in a call.

        With `paths`, the last that changed something at or below one of them, and only that.

        Raises: Refused (it is too much).
        """
