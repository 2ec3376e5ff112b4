"""What a tool call works in: the project's files, what the run knows of them, and helpers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from tools.workspace.paths import is_within
from tools.workspace.port import RelPath, Workspace

T = TypeVar("T")


@dataclass(frozen=True)
class Touches:
    """Which paths a call reads or writes: conflicting calls run in order, others side by side.

    A folder stands for everything below it; "" is the whole workspace. `in_folder` says that the
    call works on the files on disk, past the workspace, as a command does: what it has changed
    there is looked for when it has ended.
    """

    reads: frozenset[RelPath] = frozenset()
    writes: frozenset[RelPath] = frozenset()
    in_folder: bool = False

    def covers(self, path: RelPath) -> bool:
        """Whether the call touches this file."""
        return any(is_within(path, top) for top in self.reads | self.writes)


class Seen(dict[RelPath, str]):
    """SHA-256 of each file as a run last saw it: the guard against stale writes."""

    def below(self, path: RelPath) -> list[RelPath]:
        """The known files at or below a path."""
        return [known for known in self if is_within(known, path)]

    def touched(self, touches: Touches) -> dict[RelPath, str]:
        """What is known of the files that a call touches; calls beside it touch others."""
        return {path: sha256 for path, sha256 in self.items() if touches.covers(path)}

    def learn(self, learned: Mapping[str, str]) -> None:
        """Take over what a call has learned; "" for a file that is no longer known."""
        for path, sha256 in learned.items():
            if sha256:
                self[RelPath(path)] = sha256
            else:
                self.pop(RelPath(path), None)


class Needs(Protocol):
    """Gives a tool what lives longer than its call, by type: servers, a sandbox, clients."""

    def __call__(self, wanted: type[T], /) -> T:
        """The one of that type, which the worker owns and closes. Raises: LookupError."""
        ...


class Provided:
    """`Needs` of a fixed list of objects, each found by its class."""

    def __init__(self, *objects: object) -> None:
        self._objects = objects

    def __call__(self, wanted: type[T], /) -> T:
        """See `Needs`."""
        for found in self._objects:
            if isinstance(found, wanted):
                return found
        raise LookupError(f"no {wanted.__name__} was given to the tools of this process")

    def also(self, *objects: object) -> "Provided":
        """Those and these: what one call alone is given."""
        return Provided(*objects, *self._objects)


def shown_to_nobody(_: str) -> None:
    """Where nobody watches."""


@dataclass(frozen=True)
class Place:
    """What one call of a tool works in.

    `files` are the project's files with what this call has written; `seen` belongs to the run.
    `folder` has the same files on disk, as they were when the call began; None where there is no
    disk. `show` tells people, while the call runs, the next characters of what it prints: called
    from the event loop, it returns at once. What the model gets is the result alone.
    """

    files: Workspace
    seen: Seen = field(default_factory=Seen)
    folder: Path | None = None
    need: Needs = field(default_factory=Provided)
    show: Callable[[str], None] = shown_to_nobody
