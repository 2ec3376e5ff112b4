"""The tools that an agent has: what the model is told of them, and running one by its name."""

import asyncio
import json
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from core.errors import Refused, Transient
from core.invalid import problems
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.tool import AnyTool
from tools.workspace.paths import ROOT

log = logging.getLogger(__name__)

WHOLE_WORKSPACE = Touches(writes=frozenset({ROOT}))
NOTHING = Touches()


@dataclass(frozen=True)
class ToolDescription:
    """A tool as a model is told of it; `input_schema` is a JSON schema of an object."""

    name: str
    description: str
    input_schema: Mapping[str, Any]

    @cached_property  # asked for by each run, of each of some thirty tools
    def size_chars(self) -> int:
        """How long it is when it is sent."""
        schema = json.dumps(dict(self.input_schema))
        return len(self.name) + len(self.description) + len(schema)


class Toolbox:
    """A fixed list of tools. Its order is the order in which the model sees them."""

    def __init__(self, tools: Iterable[AnyTool]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self.descriptions = tuple(_describe(tool) for tool in self._tools.values())

    def only(self, names: Collection[str]) -> "Toolbox":
        """Those of its tools, in the same order."""
        return Toolbox(tool for name, tool in self._tools.items() if name in names)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(self._tools)

    def touches(self, name: str, arguments: Mapping[str, Any]) -> Touches:
        """Which paths the call would touch; a call that `run` will refuse touches nothing."""
        tool = self._tools.get(name)
        if tool is None:
            return NOTHING
        try:
            return tool.touches(tool.arguments.model_validate(dict(arguments)))
        except (ValidationError, Refused):
            return NOTHING

    async def run(self, name: str, arguments: Mapping[str, Any], place: Place) -> ToolOutput:
        """Run a tool and say how it went in words for the model.

        A wrong name, wrong arguments and everything that the tool refuses come back as an error
        output. A bug does too, and is logged.

        Raises:
            Transient: it may pass; the caller decides whether to try the call again.
        """
        tool = self._tools.get(name)
        if tool is None:
            return _error(f"There is no tool {name!r}. The tools are: {', '.join(self.names)}.")
        try:
            parsed: BaseModel = tool.arguments.model_validate(dict(arguments))
        except ValidationError as invalid:
            return _error(_explain(tool, invalid))
        try:
            return await _run_in_time(tool, parsed, place)
        except Refused as refused:
            return _error(str(refused))
        except Transient:
            raise
        except Exception:
            log.exception("tool_failed", extra={"tool": name})
            return _error(_DEFECT.format(name=name))


_DEFECT = (
    "{name} failed because of a defect in the tool itself, which has been reported. Trying the "
    "same call again will not help; reach the goal another way or say that it failed."
)


async def _run_in_time(tool: AnyTool, arguments: BaseModel, place: Place) -> ToolOutput:
    deadline = asyncio.timeout(tool.timeout_s)
    try:
        async with deadline:
            return await tool.run(arguments, place)
    except TimeoutError:
        if not deadline.expired():
            raise
        return _error(f"{tool.name} was stopped after {tool.timeout_s:g} seconds without a result.")


def _error(text: str) -> ToolOutput:
    return ToolOutput(text=text, is_error=True)


def _explain(tool: AnyTool, invalid: ValidationError) -> str:
    wrong = [f"- {problem}" for problem in problems(invalid, whole="arguments")]
    properties = _describe(tool).input_schema.get("properties", {})
    return (
        f"The arguments of {tool.name} are not valid, so nothing was done:\n"
        + "\n".join(wrong)
        + f"\n{tool.name} takes: {', '.join(properties) or 'no arguments'}."
    )


def _describe(tool: AnyTool) -> ToolDescription:
    if tool.input_schema is not None:
        return ToolDescription(tool.name, tool.description, tool.input_schema)
    return _described(tool)


@lru_cache(maxsize=256)  # each run makes a toolbox, and a schema takes a third of a millisecond
def _described(tool: AnyTool) -> ToolDescription:
    schema = tool.arguments.model_json_schema(by_alias=True)
    schema = _plain(schema, schema.pop("$defs", {}))
    schema.pop("description", None)
    schema.setdefault("properties", {})
    schema["additionalProperties"] = False
    return ToolDescription(name=tool.name, description=tool.description, input_schema=schema)


def _plain(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Without titles, which say nothing, and with each definition where it is referred to."""
    if isinstance(schema, list):
        return [_plain(each, definitions) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    given = cast("dict[str, Any]", schema)
    if "$ref" in given:
        given = dict(definitions[given["$ref"].rpartition("/")[2]])
        given.pop("description", None)  # a docstring, for us
    return {
        key: {name: _plain(each, definitions) for name, each in value.items()}
        if key == "properties"
        else _plain(value, definitions)
        for key, value in given.items()
        if key != "title"
    }
