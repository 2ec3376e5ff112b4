"""What a tool is: a name and a schema for the model, a function over a workspace for us."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from tools.workspace import RelPath, Workspace

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True)
class ToolOutput:
    """What the model reads. An error says what failed, what is true now and what to try."""

    text: str
    is_error: bool = False


@dataclass(frozen=True)
class Touches:
    """Which paths a call reads or writes: conflicting calls run in order, others side by side.

    A folder stands for everything below it; "" is the whole workspace.
    """

    reads: frozenset[RelPath] = frozenset()
    writes: frozenset[RelPath] = frozenset()


class Session(Protocol):
    """What a tool may use during one run."""

    @property
    def workspace(self) -> Workspace:
        """The project's files."""
        ...

    @property
    def seen(self) -> dict[RelPath, str]:
        """SHA-256 of each file as this run last saw it: the guard against stale writes."""
        ...


@dataclass(frozen=True)
class Tool(Generic[A]):
    """A tool; `arguments` validates what the model sent before `run` sees it."""

    name: str
    description: str
    arguments: type[A]
    touches: Callable[[A], Touches]
    run: Callable[[A, Session], Awaitable[ToolOutput]]
    timeout_s: float = 30.0


AnyTool = Tool[Any]
