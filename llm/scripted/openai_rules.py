"""What OpenAI's Chat Completions API accepts, with its own words where it does not."""

import re
from typing import Any, cast

from llm.scripted.dialect import JsonObject, Rejected

_TOOL_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
_MAX_ID_CHARS = 40
_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
_TOOL_CHOICES = ("none", "auto", "required")
_NEW_LIMIT_NAME = re.compile(r"^(gpt-[5-9]|o\d)")  # these models refuse `max_tokens`


def check_request(body: object) -> JsonObject:
    """The request as an object.

    Raises:
        Rejected: 400 in the words of the API.
    """
    if not isinstance(body, dict):
        raise Rejected(400, "We could not parse the JSON body of your request.")
    request = cast("JsonObject", body)
    model = request.get("model")
    if not isinstance(model, str) or not model:
        raise Rejected(400, "you must provide a model parameter")
    if "max_tokens" in request and _NEW_LIMIT_NAME.match(model):
        raise Rejected(
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            "'max_completion_tokens' instead.",
            param="max_tokens",
            code="unsupported_parameter",
        )
    options = request.get("stream_options")
    if options is not None and not isinstance(options, dict):
        raise Rejected(
            400,
            "Invalid type for 'stream_options': expected an object.",
            param="stream_options",
            code="invalid_type",
        )
    if options is not None and not request.get("stream"):
        raise Rejected(
            400,
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            param="stream_options",
        )
    _check_tools(request)
    _check_messages(request)
    return request


def _check_tools(request: JsonObject) -> None:
    tools = request.get("tools")
    if tools is None:
        if request.get("tool_choice") is not None:
            raise Rejected(
                400,
                "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are "
                "specified.",
                param="tool_choice",
            )
        return
    if not isinstance(tools, list) or not tools:
        raise Rejected(
            400,
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an "
            "empty "
            "array instead.",
            param="tools",
            code="empty_array",
        )
    for index, tool in enumerate(cast("list[Any]", tools)):
        function = cast("JsonObject", tool).get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict):
            raise Rejected(
                400,
                f"Missing required parameter: 'tools[{index}].function'.",
                param=f"tools[{index}].function",
                code="missing_required_parameter",
            )
        _check_function(index, cast("JsonObject", function))
    _check_tool_choice(request)


def _check_function(index: int, function: JsonObject) -> None:
    name = function.get("name")
    if not isinstance(name, str) or not _TOOL_NAME.match(name):
        raise Rejected(
            400,
            f"Invalid 'tools[{index}].function.name': string does not match pattern. Expected a "
            "string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
            param=f"tools[{index}].function.name",
            code="invalid_value",
        )
    schema = function.get("parameters", {"type": "object"})
    kind = cast("JsonObject", schema).get("type") if isinstance(schema, dict) else None
    if kind != "object":
        raise Rejected(
            400,
            f"Invalid schema for function '{name}': schema must be a JSON Schema of 'type: "
            '"object"\', '
            f"got 'type: \"{kind}\"'.",
            param=f"tools[{index}].function.parameters",
            code="invalid_function_parameters",
        )


def _check_tool_choice(request: JsonObject) -> None:
    choice = request.get("tool_choice")
    if choice is None or isinstance(choice, dict) or choice in _TOOL_CHOICES:
        return
    raise Rejected(
        400,
        f"Invalid value: '{choice}'. Supported values are: 'none', 'auto', and 'required'.",
        param="tool_choice",
        code="invalid_value",
    )


def _check_messages(request: JsonObject) -> None:
    messages = request.get("messages")
    if messages is None:
        raise Rejected(
            400,
            "Missing required parameter: 'messages'.",
            param="messages",
            code="missing_required_parameter",
        )
    if not isinstance(messages, list) or not messages:
        raise Rejected(
            400,
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an "
            "empty array instead.",
            param="messages",
            code="empty_array",
        )
    waiting: list[str] = []  # calls of the last assistant message that have no answer yet
    answered: set[str] = set()
    for index, raw in enumerate(cast("list[Any]", messages)):
        message = cast("JsonObject", raw) if isinstance(raw, dict) else {}
        role = message.get("role")
        if role not in _ROLES:
            raise Rejected(
                400,
                f"Invalid value: '{role}'. Supported values are: 'system', 'assistant', 'user', "
                "'function', 'tool', and 'developer'.",
                param=f"messages[{index}].role",
                code="invalid_value",
            )
        if role == "tool":
            _check_answer(index, message, waiting, answered)
            continue
        _none_waiting(index, waiting)
        if role == "assistant":
            waiting = _calls_of(index, message)
            answered = set()
        else:
            waiting, answered = [], set()
            _check_content(index, message)
    _none_waiting(len(cast("list[Any]", messages)), waiting)


def _check_answer(index: int, message: JsonObject, waiting: list[str], answered: set[str]) -> None:
    call_id = message.get("tool_call_id")
    if not isinstance(call_id, str):
        raise Rejected(
            400,
            f"Missing required parameter: 'messages[{index}].tool_call_id'.",
            param=f"messages[{index}].tool_call_id",
            code="missing_required_parameter",
        )
    if call_id in answered:
        raise Rejected(
            400,
            f"Duplicate value for 'tool_call_id' of '{call_id}'",
            param=f"messages.[{index}].tool_call_id",
        )
    if call_id not in waiting:
        raise Rejected(
            400,
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
            "message "
            "with 'tool_calls'.",
            param=f"messages.[{index}].role",
        )
    waiting.remove(call_id)
    answered.add(call_id)
    _check_content(index, message)


def _none_waiting(index: int, waiting: list[str]) -> None:
    if waiting:
        raise Rejected(
            400,
            "An assistant message with 'tool_calls' must be followed by tool messages responding "
            "to each 'tool_call_id'. The following tool_call_ids did not have response messages: "
            f"{', '.join(waiting)}",
            param=f"messages.[{index}].role",
        )


def _calls_of(index: int, message: JsonObject) -> list[str]:
    calls = message.get("tool_calls")
    if calls is None:
        _check_content(index, message)
        return []
    if message.get("content") is not None:  # null beside calls is usual
        _check_content(index, message)
    if not isinstance(calls, list) or not calls:
        raise Rejected(
            400,
            f"Invalid 'messages[{index}].tool_calls': empty array. Expected an array with minimum "
            "length 1, but got an empty array instead.",
            param=f"messages[{index}].tool_calls",
            code="empty_array",
        )
    found: list[str] = []
    for position, raw in enumerate(cast("list[Any]", calls)):
        where = f"messages[{index}].tool_calls[{position}]"
        call = cast("JsonObject", raw) if isinstance(raw, dict) else {}
        function = call.get("function")
        if not isinstance(call.get("id"), str) or not isinstance(function, dict):
            raise Rejected(
                400,
                f"Missing required parameter: '{where}.id'.",
                param=where,
                code="missing_required_parameter",
            )
        _check_made(where, call["id"], cast("JsonObject", function))
        if not isinstance(cast("JsonObject", function).get("arguments"), str):
            raise Rejected(
                400,
                f"Invalid type for '{where}.function.arguments': expected a string.",
                param=f"{where}.function.arguments",
                code="invalid_type",
            )
        if call["id"] in found:
            raise Rejected(400, f"Duplicate value for 'id' of '{call['id']}' in {where}")
        found.append(call["id"])
    return found


def _check_made(where: str, call_id: str, function: JsonObject) -> None:
    if len(call_id) > _MAX_ID_CHARS:
        raise Rejected(
            400,
            f"Invalid '{where}.id': string too long. Expected a string with maximum length "
            f"{_MAX_ID_CHARS}, but got a string with length {len(call_id)} instead.",
            param=f"{where}.id",
            code="string_above_max_length",
        )
    if not _TOOL_NAME.match(str(function.get("name", ""))):
        raise Rejected(
            400,
            f"Invalid '{where}.function.name': string does not match pattern. Expected a string "
            "that matches the pattern '^[a-zA-Z0-9_-]+$'.",
            param=f"{where}.function.name",
            code="invalid_value",
        )


def _check_content(index: int, message: JsonObject) -> None:
    content = message.get("content")
    if not isinstance(content, str | list):
        raise Rejected(
            400,
            f"Invalid value for 'content': expected a string, got null. (messages[{index}])",
            param=f"messages.[{index}].content",
        )
    if isinstance(content, list) and not all(
        isinstance(part, dict) for part in cast("list[object]", content)
    ):
        raise Rejected(
            400,
            f"Invalid type for 'messages[{index}].content': expected an object within the array.",
            param=f"messages[{index}].content",
            code="invalid_type",
        )
