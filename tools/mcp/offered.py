"""What is offered to models of the tools that servers list: names, descriptions, schemas."""

import hashlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from mcp_types import Tool

log = logging.getLogger(__name__)

MAX_TOOLS = 64  # of all servers together
MAX_NAME_CHARS = 64
MAX_DESCRIPTION_CHARS = 1_000
MAX_SCHEMA_BYTES = 8 * 1024
MAX_ALL_BYTES = 64 * 1024  # they are sent with each turn, and kept with the run
MAX_DEPTH = 12
MAX_PROBLEM_CHARS = 700

_STRANGE = re.compile(r"[^a-zA-Z0-9_-]")
_PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_COMBINED = ("oneOf", "anyOf", "allOf", "not", "enum")  # refused by providers at the top
_REFERENCES = ("#/$defs/", "#/definitions/")


@dataclass(frozen=True)
class Offered:
    """A tool of a server: `name` is what models call it, `tool` what its server does.

    `schema` is the JSON text of a JSON Schema: it is kept as a step's result.
    """

    name: str
    server: str
    tool: str
    description: str
    schema: str
    is_read_only: bool = False


@dataclass(frozen=True)
class Listed:
    """The tools of a project's servers, and why some are missing."""

    tools: tuple[Offered, ...] = ()
    problems: tuple[str, ...] = ()


class NotOffered(Exception):
    """No provider would take the tool; the text says why."""


def offered(asked: "Sequence[tuple[str, list[Tool] | str]]") -> Listed:
    """What servers have listed, or why they have not, within all bounds, in their order."""
    tools: dict[str, Offered] = {}
    problems: list[str] = []
    left_bytes = MAX_ALL_BYTES
    for server, listed in asked:
        if isinstance(listed, str):
            problems.append(listed[:MAX_PROBLEM_CHARS])
            continue
        left_out = 0
        seen: set[str] = set()
        for tool in listed:
            if tool.name in seen:
                continue
            seen.add(tool.name)
            try:
                made = _made(server, tool, tools)
            except NotOffered as reason:
                log.warning("mcp_tool_not_offered", extra={"server": server, "reason": str(reason)})
                left_out += 1
                continue
            size = len(made.schema) + len(made.description)
            if len(tools) >= MAX_TOOLS or size > left_bytes:
                left_out += 1
                continue
            left_bytes -= size
            tools[made.name] = made
        if left_out:
            problems.append(
                f"{left_out} tools of the MCP server {server!r} are left out: no more than "
                f"{MAX_TOOLS} are offered, with schemas of {MAX_SCHEMA_BYTES // 1024} KiB at most "
                "that every model takes."
            )
    return Listed(tuple(tools.values()), tuple(problems))


def _made(server: str, tool: "Tool", taken: Mapping[str, Offered]) -> Offered:
    hints = tool.annotations
    return Offered(
        name=name_of(server, tool.name, taken),
        server=server,
        tool=tool.name,
        description=_description(server, tool.description or tool.title or ""),
        schema=json.dumps(schema_of(tool.input_schema), separators=(",", ":")),
        is_read_only=hints is not None and hints.read_only_hint is True,
    )


def name_of(server: str, tool: str, taken: Mapping[str, object]) -> str:
    """`mcp__server__tool` in letters that providers take; different for different tools."""
    plain = f"mcp__{server}__{tool}"
    name = _STRANGE.sub("_", plain)
    if name == plain and len(name) <= MAX_NAME_CHARS and name not in taken:
        return name
    digest = hashlib.sha256(f"{server}\0{tool}".encode(errors="replace")).hexdigest()[:8]
    return f"{name[: MAX_NAME_CHARS - len(digest) - 1]}_{digest}"


def _description(server: str, text: str) -> str:
    text = _CONTROL.sub(" ", text).strip()
    if len(text) > MAX_DESCRIPTION_CHARS:
        text = f"{text[:MAX_DESCRIPTION_CHARS]}…"
    return text or f"A tool of the MCP server {server!r}."


def schema_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without references, in bounds. Raises: NotOffered."""
    if given.get("type", "object") != "object":
        raise NotOffered("its arguments are no object")
    if any(word in given for word in _COMBINED):
        raise NotOffered("its schema is a choice of several")
    definitions = {**_mapping(given.get("definitions")), **_mapping(given.get("$defs"))}
    try:
        schema = _Plain(definitions).of(given)
        text = json.dumps(schema, allow_nan=False)
    except (RecursionError, ValueError) as error:
        raise NotOffered("its schema is no JSON") from error
    if len(text) > MAX_SCHEMA_BYTES:
        raise NotOffered("its schema is too long")
    schema["type"] = "object"
    properties = schema.setdefault("properties", {})
    if not isinstance(properties, dict) or not all(
        _PROPERTY.fullmatch(name) for name in cast("dict[str, Any]", properties)
    ):
        raise NotOffered("an argument has a name that models cannot use")
    return schema


class _Plain:
    """A schema with each definition where it is referred to; what grows beyond a bound is none."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._left = MAX_SCHEMA_BYTES  # of values: each has a character at least

    def of(self, value: Any, depth: int = MAX_DEPTH) -> Any:
        """The value, plain. Raises: NotOffered."""
        self._left -= 1
        if depth < 0 or self._left < 0:
            raise NotOffered("its schema is too deep or too long, or refers to itself")
        if isinstance(value, list):
            return [self.of(each, depth - 1) for each in cast("list[Any]", value)]
        if isinstance(value, str):
            return _CONTROL.sub(" ", value)
        if not isinstance(value, Mapping):
            return value
        given = cast("Mapping[str, Any]", value)
        reference = given.get("$ref")
        if isinstance(reference, str):
            return self.of(self._referred(reference), depth - 1)
        return {
            _CONTROL.sub(" ", key): self.of(each, depth - 1)
            for key, each in given.items()
            if key not in {"$defs", "definitions", "$schema", "$id"}
        }

    def _referred(self, reference: str) -> Any:
        for beginning in _REFERENCES:
            name = reference.removeprefix(beginning)
            if name != reference and name in self._definitions:
                return self._definitions[name]
        raise NotOffered("its schema refers to something outside of it")


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
