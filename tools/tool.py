"""What a tool is: a name and a schema for the model, a function in a place for us."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from tools.output import ToolOutput
from tools.place import Place, Touches

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True)
class Tool(Generic[A]):
    """A tool; `arguments` validates what the model sent before `run` sees it."""

    name: str
    description: str
    arguments: type[A]
    touches: Callable[[A], Touches]
    run: Callable[[A, Place], Awaitable[ToolOutput]]
    timeout_s: float = 30.0


AnyTool = Tool[Any]
