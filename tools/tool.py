"""What a tool is: a name and a schema for the model, a function in a place for us."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from tools.output import ToolOutput
from tools.place import Place, Touches

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True)
class Tool(Generic[A]):
    """A tool; `arguments` validates what the model sent before `run` sees it.

    `input_schema` is what models are told instead of the schema of `arguments`.
    """

    name: str
    description: str
    arguments: type[A]
    touches: Callable[[A], Touches]
    run: Callable[[A, Place], Awaitable[ToolOutput]]
    timeout_s: float = 30.0
    input_schema: Mapping[str, Any] | None = field(default=None, compare=False)


AnyTool = Tool[Any]
