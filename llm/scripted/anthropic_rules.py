"""What Anthropic's Messages API accepts, with its own words where it does not.

The texts are those that users of the API report; consecutive messages of one role are merged
first, as the API does. Rules that differ between models follow the current ones: no prefill, no
sampling parameters.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from llm.scripted.dialect import JsonObject, Rejected

_CALL_ID = re.compile(r"^[a-zA-Z0-9_-]+$")
_TOOL_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")
_CALLED_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,200}$")
_MAX_BREAKPOINTS = 4
_MAX_MESSAGES = 100_000

_FIELDS = frozenset({
    "model", "messages", "max_tokens", "system", "tools", "tool_choice", "stream", "thinking",
    "metadata", "stop_sequences", "cache_control", "output_config", "service_tier", "container",
    "diagnostics", "inference_geo", "speed", "temperature", "top_p", "top_k", "user_profile_id",
})  # fmt: skip
_SAMPLING = ("temperature", "top_p", "top_k")
_TOOL_CHOICES = ("auto", "any", "tool", "none")
_BLOCKS = {
    "user": ("text", "image", "document", "search_result", "tool_result"),
    "assistant": ("text", "thinking", "redacted_thinking", "tool_use"),
}


@dataclass(frozen=True)
class Turn:
    """A message after merging; `at` is where its first part stood in the request."""

    role: str
    at: int
    blocks: tuple[JsonObject, ...]


def signature_of(thinking: str, before: Sequence[JsonObject]) -> str:
    """The proof that the scripted model had this thought, after exactly these blocks."""
    running = hashlib.sha256(thinking.encode())
    for block in before:
        running.update(plain(block).encode())
    return f"scripted-{running.hexdigest()[:32]}"


def plain(block: JsonObject) -> str:
    """The block as text, without its cache breakpoint."""
    kept = {name: value for name, value in block.items() if name != "cache_control"}
    return json.dumps(kept, ensure_ascii=False, sort_keys=True)


def check_request(body: object, *, version: str) -> tuple[JsonObject, list[Turn]]:
    """The request and its merged messages.

    Raises:
        Rejected: 400 in the words of the API.
    """
    if not isinstance(body, dict):
        raise Rejected(400, "Input should be a valid dictionary or object to extract fields from")
    request = cast("JsonObject", body)
    _check_fields(request, version)
    tool_names = _check_tools(request)
    _check_tool_choice(request, tool_names)
    turns = _merged(request)
    _check_contents(turns)
    _check_pairs(turns)
    _check_breakpoints(request, turns)
    _check_thoughts(request, turns)
    return request, turns


def _check_fields(request: JsonObject, version: str) -> None:
    removed = () if version == "2023-06-01" else _SAMPLING
    for name in request:
        if name not in _FIELDS or name in removed:
            raise Rejected(400, f"{name}: Extra inputs are not permitted")
    for name in ("model", "max_tokens", "messages"):
        if name not in request:
            raise Rejected(400, f"{name}: Field required")
    if not isinstance(request["model"], str) or not request["model"]:
        raise Rejected(400, "model: Input should be a valid string")
    limit = request["max_tokens"]
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise Rejected(400, "max_tokens: Input should be a valid integer")
    if limit < 0:
        raise Rejected(400, "max_tokens: Input should be greater than or equal to 0")
    _check_thinking(request, limit)
    _check_system(request.get("system", ""))


def _check_system(system: object) -> None:
    if isinstance(system, list):
        for index, block in enumerate(cast("list[Any]", system)):
            if not isinstance(block, dict) or not cast("JsonObject", block).get("text"):
                raise Rejected(400, f"system.{index}: text content blocks must be non-empty")
    elif not isinstance(system, str):
        raise Rejected(400, "system: Input should be a valid string")


_THINKING = {"adaptive", "enabled", "disabled", "between_tools"}


def _check_thinking(request: JsonObject, limit: int) -> None:
    thinking = request.get("thinking")
    if thinking is None:
        return
    kind = cast("JsonObject", thinking).get("type") if isinstance(thinking, dict) else None
    if not isinstance(kind, str) or kind not in _THINKING:
        raise Rejected(
            400,
            f"thinking: Input tag '{kind}' found using 'type' does not match any of the expected "
            "tags: "
            "'adaptive', 'disabled', 'enabled', 'between_tools'",
        )
    if kind == "enabled":
        budget = cast("JsonObject", thinking).get("budget_tokens")
        if not isinstance(budget, int) or budget < 1024:  # noqa: PLR2004 - the API's smallest budget
            raise Rejected(
                400, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
            )
        if budget >= limit:
            raise Rejected(400, "`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_tools(request: JsonObject) -> list[str]:
    tools = request.get("tools", [])
    if not isinstance(tools, list):
        raise Rejected(400, "tools: Input should be a valid list")
    names: list[str] = []
    for index, tool in enumerate(cast("list[Any]", tools)):
        if not isinstance(tool, dict):
            raise Rejected(400, f"tools.{index}: Input should be a valid dictionary")
        names.append(_check_tool(index, cast("JsonObject", tool)))
    if len(set(names)) != len(names):
        raise Rejected(400, "tools: Tool names must be unique.")
    return names


def _check_tool(index: int, tool: JsonObject) -> str:
    name = tool.get("name")
    if not isinstance(name, str):
        raise Rejected(400, f"tools.{index}.custom.name: Field required")
    if not _TOOL_NAME.match(name):
        raise Rejected(
            400,
            f"tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'",
        )
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        raise Rejected(400, f"tools.{index}.custom.input_schema: Field required")
    kind = cast("JsonObject", schema).get("type")
    if kind is None:
        raise Rejected(400, f"tools.{index}.custom.input_schema.type: Field required")
    if kind != "object":
        raise Rejected(400, f"tools.{index}.custom.input_schema.type: Input should be 'object'")
    if any(word in schema for word in ("oneOf", "allOf", "anyOf")):
        raise Rejected(
            400,
            f"tools.{index}.custom.input_schema: input_schema does not support oneOf, allOf, or "
            "anyOf "
            "at the top level",
        )
    return name


def _check_tool_choice(request: JsonObject, tool_names: list[str]) -> None:
    if "tool_choice" not in request:
        return
    choice = request["tool_choice"]
    kind = cast("JsonObject", choice).get("type") if isinstance(choice, dict) else choice
    if kind not in _TOOL_CHOICES:
        expected = ", ".join(f"'{known}'" for known in _TOOL_CHOICES)
        raise Rejected(
            400,
            f"tool_choice: Input tag '{kind}' found using 'type' does not match any of the "
            "expected "
            f"tags: {expected}",
        )
    if not tool_names:
        raise Rejected(400, "tool_choice: tool_choice may only be specified while providing tools.")
    if kind == "tool":
        name = cast("JsonObject", choice).get("name")
        if name not in tool_names:
            raise Rejected(400, f"Tool '{name}' not found in provided tools")
    thinking = cast("JsonObject", request.get("thinking") or {}).get("type", "disabled")
    if kind in ("any", "tool") and thinking != "disabled":
        raise Rejected(400, "Thinking may not be enabled when tool_choice forces tool use.")


def _merged(request: JsonObject) -> list[Turn]:
    messages = request["messages"]
    if not isinstance(messages, list):
        raise Rejected(400, "messages: Input should be a valid list")
    if not messages:
        raise Rejected(400, "messages: at least one message is required")
    if len(cast("list[Any]", messages)) > _MAX_MESSAGES:
        raise Rejected(400, f"messages: too many messages, at most {_MAX_MESSAGES} are allowed")
    turns: list[Turn] = []
    for at, message in enumerate(cast("list[Any]", messages)):
        if not isinstance(message, dict):
            raise Rejected(400, f"messages.{at}: Input should be a valid dictionary")
        turn = _turn(at, cast("JsonObject", message))
        if turns and turns[-1].role == turn.role:
            turn = Turn(turn.role, turns[-1].at, turns[-1].blocks + turn.blocks)
            turns.pop()
        turns.append(turn)
    if turns[0].role != "user":
        raise Rejected(400, 'messages: first message must use the "user" role')
    if turns[-1].role == "assistant":
        raise Rejected(
            400,
            "This model does not support assistant message prefill. The conversation must end with "
            "a "
            "user message.",
        )
    return turns


def _turn(at: int, message: JsonObject) -> Turn:
    role, content = message.get("role"), message.get("content")
    if role not in ("user", "assistant"):
        raise Rejected(
            400,
            f'messages: Unexpected role "{role}". The Messages API accepts a top-level `system` '
            'parameter, not "system" as an input message role.'
            if role == "system"
            else f"messages.{at}.role: Input should be 'user' or 'assistant'",
        )
    if isinstance(content, str):
        if not content:
            raise Rejected(
                400,
                f"messages.{at}: all messages must have non-empty content except for the optional "
                "final assistant message",
            )
        return Turn(role, at, ({"type": "text", "text": content},))
    if not isinstance(content, list):
        raise Rejected(400, f"messages.{at}.content: Field required")
    if not content:
        raise Rejected(
            400,
            f"messages.{at}: all messages must have non-empty content except for the optional "
            "final assistant message",
        )
    blocks: list[JsonObject] = []
    for position, block in enumerate(cast("list[Any]", content)):
        kind = cast("JsonObject", block).get("type") if isinstance(block, dict) else None
        if kind not in _BLOCKS[role]:
            raise Rejected(
                400,
                f"messages.{at}.content.{position}: Input tag '{kind}' found using 'type' does "
                f"not match any of the expected tags for role {role}",
            )
        blocks.append(cast("JsonObject", block))
    return Turn(role, at, tuple(blocks))


def _check_contents(turns: list[Turn]) -> None:
    for turn in turns:
        for position, block in enumerate(turn.blocks):
            where = f"messages.{turn.at}.content.{position}"
            match block["type"]:
                case "text":
                    _check_text(block)
                case "thinking":
                    _check_thought(where, block)
                case "tool_use":
                    _check_tool_use(where, block)
                case "tool_result":
                    _check_tool_result(where, block)
                case _:
                    pass


def _check_text(block: JsonObject) -> None:
    text = block.get("text")
    if not isinstance(text, str):
        raise Rejected(400, "messages: text content blocks must hold a string")
    if not text:
        if block.get("cache_control"):
            raise Rejected(400, "cache_control cannot be set for empty text blocks")
        raise Rejected(400, "messages: text content blocks must be non-empty")
    if not text.strip():
        raise Rejected(400, "messages: text content blocks must contain non-whitespace text")


def _check_thought(where: str, block: JsonObject) -> None:
    if not isinstance(block.get("signature"), str):
        raise Rejected(400, f"{where}.thinking.signature: Field required")


def _check_tool_use(where: str, block: JsonObject) -> None:
    call_id = block.get("id")
    if not isinstance(call_id, str):
        raise Rejected(400, f"{where}.tool_use.id: Field required")
    if not _CALL_ID.match(call_id):
        raise Rejected(400, f"{where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
    name = block.get("name")
    if not isinstance(name, str) or not _CALLED_NAME.match(name):
        raise Rejected(
            400, f"{where}.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{{1,200}}$'"
        )
    if not isinstance(block.get("input"), dict):
        raise Rejected(400, f"{where}.tool_use.input: Input should be a valid dictionary")


def _check_tool_result(where: str, block: JsonObject) -> None:
    if not isinstance(block.get("tool_use_id"), str):
        raise Rejected(400, f"{where}.tool_result.tool_use_id: Field required")
    content = block.get("content", "")
    if isinstance(content, list):
        for inner in cast("list[Any]", content):
            if not isinstance(inner, dict):
                raise Rejected(400, f"{where}.tool_result.content: Input should be an object")
            if cast("JsonObject", inner).get("type") == "text":
                _check_text(cast("JsonObject", inner))
    elif not isinstance(content, str):
        raise Rejected(400, f"{where}.tool_result.content: Input should be a valid string")


def _check_pairs(turns: list[Turn]) -> None:
    seen: set[str] = set()
    for index, turn in enumerate(turns):
        calls = [block["id"] for block in turn.blocks if block["type"] == "tool_use"]
        for position, block in enumerate(turn.blocks):
            if block["type"] == "tool_use" and block["id"] in seen:
                raise Rejected(
                    400, f"messages.{turn.at}.content.{position}: `tool_use` ids must be unique"
                )
            if block["type"] == "tool_use":
                seen.add(block["id"])
        if calls:
            _check_answers(turn, calls, turns[index + 1] if index + 1 < len(turns) else None)
        if turn.role == "user":
            asked = turns[index - 1].blocks if index else ()
            _check_asked(turn, {block["id"] for block in asked if block["type"] == "tool_use"})


def _check_answers(turn: Turn, calls: list[str], answer: Turn | None) -> None:
    answered: list[str] = []
    for block in answer.blocks if answer else ():
        if block["type"] != "tool_result":
            break  # results must stand first: what comes after a text does not count
        answered.append(block["tool_use_id"])
    missing = [call_id for call_id in calls if call_id not in answered]
    if missing:
        raise Rejected(
            400,
            f"messages.{turn.at}: `tool_use` ids were found without `tool_result` blocks "
            "immediately "
            f"after: {', '.join(missing)}. Each `tool_use` block must have a corresponding "
            "`tool_result` block in the next message.",
        )


def _check_asked(turn: Turn, asked: set[str]) -> None:
    answered: set[str] = set()
    for position, block in enumerate(turn.blocks):
        if block["type"] != "tool_result":
            continue
        call_id = block["tool_use_id"]
        if call_id not in asked:
            raise Rejected(
                400,
                f"messages.{turn.at}.content.{position}: unexpected `tool_use_id` found in "
                f"`tool_result` blocks: {call_id}. Each `tool_result` block must have a "
                "corresponding "
                "`tool_use` block in the previous message.",
            )
        if call_id in answered:
            raise Rejected(
                400,
                f"messages.{turn.at}.content.{position}: each tool_use must have a single result. "
                f"Found multiple `tool_result` blocks with id: {call_id}",
            )
        answered.add(call_id)


def _check_thoughts(request: JsonObject, turns: list[Turn]) -> None:
    """A thought is bound to everything before it: the current models accept it nowhere else."""
    before = list(cached_blocks(request, []))
    for turn in turns:
        for position, block in enumerate(turn.blocks):
            if block["type"] == "thinking" and block["signature"] != signature_of(
                str(block.get("thinking", "")), before
            ):
                raise Rejected(
                    400,
                    f"messages.{turn.at}.content.{position}: Invalid `signature` in `thinking` "
                    "block. The block is bound to a different conversation. Remove the block, or "
                    'set `thinking.block_binding.prefix_mismatch_behavior` to "drop_block".',
                )
            before.append(block)


def cached_blocks(request: JsonObject, turns: list[Turn]) -> Iterator[JsonObject]:
    """All blocks in the order of the prompt cache: tools, system, messages."""
    yield from cast("list[JsonObject]", request.get("tools", []))
    system = request.get("system", "")
    if isinstance(system, str):
        if system:
            yield {"type": "text", "text": system}
    else:
        yield from cast("list[JsonObject]", system)
    for turn in turns:
        yield from turn.blocks


def _check_breakpoints(request: JsonObject, turns: list[Turn]) -> None:
    count = sum(1 for block in cached_blocks(request, turns) if block.get("cache_control"))
    if count > _MAX_BREAKPOINTS:
        raise Rejected(
            400,
            f"A maximum of {_MAX_BREAKPOINTS} blocks with cache_control may be provided. Found "
            f"{count}.",
        )
