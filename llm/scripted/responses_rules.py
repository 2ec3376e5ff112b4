"""What OpenAI's Responses API accepts, with its own words where it does not."""

import re
from typing import Any, cast

from llm.scripted.dialect import JsonObject, Rejected

ENCRYPTED_MARK = "scripted-thought:"  # what begins the encrypted content that this server gives

_NAME = re.compile(r"^[a-zA-Z0-9_-]+$")
_MAX_NAME_CHARS = 64
_MAX_CALL_ID_CHARS = 64
_ROLES = ("user", "assistant", "system", "developer")
_FIELDS = frozenset(
    {
        "background",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "model",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt_cache_key",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_p",
        "truncation",
        "user",
    }
)
_CONTENT = {
    "assistant": ("output_text", "refusal"),
    "user": ("input_text", "input_image", "input_file"),
}
_LEAST_OUTPUT_TOKENS = 16


def check_request(body: object) -> JsonObject:
    """The request as an object.

    Raises:
        Rejected: 400 in the words of the API.
    """
    if not isinstance(body, dict):
        raise Rejected(400, "We could not parse the JSON body of your request.")
    request = cast("JsonObject", body)
    for name in request:
        if name not in _FIELDS:
            raise Rejected(
                400, f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter"
            )
    model = request.get("model")
    if not isinstance(model, str) or not model:
        raise _missing("model")
    most = request.get("max_output_tokens")
    if isinstance(most, int) and most < _LEAST_OUTPUT_TOKENS:
        raise Rejected(
            400,
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= "
            f"{_LEAST_OUTPUT_TOKENS}, but got {most} instead.",
            param="max_output_tokens",
            code="integer_below_min_value",
        )
    _check_tools(request)
    given = request.get("input")
    if isinstance(given, list) and given:
        _Items(is_stored=request.get("store") is not False).check(cast("list[Any]", given))
    elif not isinstance(given, str) or not given:
        raise _missing("input")
    return request


def _check_tools(request: JsonObject) -> None:
    tools = cast("list[Any]", request.get("tools") or [])
    names: set[str] = set()
    for index, tool in enumerate(tools):
        where = f"tools[{index}]"
        if not isinstance(tool, dict) or cast("JsonObject", tool).get("type") != "function":
            raise _missing(f"{where}.type")
        function = cast("JsonObject", tool)
        _check_name(f"{where}.name", function.get("name"))
        schema = function.get("parameters")
        if not isinstance(schema, dict) or cast("JsonObject", schema).get("type") != "object":
            raise Rejected(
                400,
                f"Invalid schema for function '{function['name']}': schema must be a JSON Schema "
                "of 'type: \"object\"'.",
                param=f"{where}.parameters",
                code="invalid_function_parameters",
            )
        names.add(function["name"])
    choice = request.get("tool_choice")
    if isinstance(choice, dict):
        name = cast("JsonObject", choice).get("name")
        if name not in names:
            raise Rejected(
                400, f"Tool choice '{name}' not found in 'tools' parameter.", param="tool_choice"
            )
    elif choice not in (None, "auto", "none", "required"):
        raise Rejected(
            400,
            f"Invalid value: '{choice}'. Supported values are: 'none', 'auto', and 'required'.",
            param="tool_choice",
            code="invalid_value",
        )


class _Items:
    """The items of a request in order; what each needs of those around it."""

    def __init__(self, *, is_stored: bool) -> None:
        self._is_stored = is_stored
        self._calls: dict[str, bool] = {}  # whether there is an output, by the call's id
        self._thought = ""  # the id of one that nothing has followed yet

    def check(self, items: list[Any]) -> None:
        """Raises: Rejected."""
        for index, item in enumerate(items):
            where = f"input[{index}]"
            if not isinstance(item, dict):
                raise Rejected(
                    400,
                    f"Invalid type for '{where}': expected an object.",
                    param=where,
                    code="invalid_type",
                )
            self._item(where, cast("JsonObject", item))
        self._followed(by_the_model=False)
        for call_id, has_output in self._calls.items():
            if not has_output:
                raise Rejected(
                    400, f"No tool output found for function call {call_id}.", param="input"
                )

    def _item(self, where: str, item: JsonObject) -> None:
        kind = item.get("type", "message")
        if str(item.get("id", "")) and kind != "reasoning" and not self._is_stored:
            raise Rejected(
                404,
                f"Item with id '{item['id']}' not found. Items are not persisted when `store` is "
                "set to false. Try again with `store` set to true, or remove this item from your "
                "input.",
                param="input",
            )
        match kind:
            case "message":
                self._followed(by_the_model=item.get("role") == "assistant")
                _check_message(where, item)
            case "function_call":
                self._followed(by_the_model=True)
                self._call(where, item)
            case "function_call_output":
                self._followed(by_the_model=False)
                self._output(where, item)
            case "reasoning":
                self._reasoning(where, item)
            case other:
                raise Rejected(
                    400,
                    f"Invalid value: '{other}'. Supported values are: 'message', 'function_call', "
                    "'function_call_output', and 'reasoning'.",
                    param=f"{where}.type",
                    code="invalid_value",
                )

    def _followed(self, *, by_the_model: bool) -> None:
        if self._thought and not by_the_model:
            raise Rejected(
                400,
                f"Item '{self._thought}' of type 'reasoning' was provided without its required "
                "following item.",
                param="input",
            )
        self._thought = ""

    def _call(self, where: str, item: JsonObject) -> None:
        call_id = item.get("call_id")
        if not isinstance(call_id, str) or not call_id:
            raise _missing(f"{where}.call_id")
        if len(call_id) > _MAX_CALL_ID_CHARS:
            raise Rejected(
                400,
                f"Invalid '{where}.call_id': string too long.",
                param=f"{where}.call_id",
                code="string_above_max_length",
            )
        _check_name(f"{where}.name", item.get("name"))
        if not isinstance(item.get("arguments"), str):
            raise _missing(f"{where}.arguments")
        if call_id in self._calls:
            raise Rejected(400, f"Duplicate function call with call_id '{call_id}'.", param=where)
        self._calls[call_id] = False

    def _output(self, where: str, item: JsonObject) -> None:
        call_id = str(item.get("call_id", ""))
        if not isinstance(item.get("output"), str | list):
            raise _missing(f"{where}.output")
        if self._calls.get(call_id) is not False:
            raise Rejected(
                400,
                f"No tool call found for function call output with call_id {call_id}.",
                param="input",
            )
        self._calls[call_id] = True

    def _reasoning(self, where: str, item: JsonObject) -> None:
        if not isinstance(item.get("id"), str) or not isinstance(item.get("summary"), list):
            raise _missing(f"{where}.summary")
        encrypted = item.get("encrypted_content")
        if not self._is_stored and not encrypted:
            raise Rejected(
                404,
                f"Item with id '{item['id']}' not found. Items are not persisted when `store` is "
                "set to false.",
                param="input",
            )
        if not str(encrypted).startswith(ENCRYPTED_MARK + item["id"]):
            raise Rejected(
                400,
                f"The encrypted content for item {item['id']} could not be verified. Reason: "
                "Encrypted content could not be decrypted or parsed.",
                code="invalid_encrypted_content",
            )
        self._thought = item["id"]


def _check_message(where: str, item: JsonObject) -> None:
    role = item.get("role")
    if role not in _ROLES:
        raise Rejected(
            400,
            f"Invalid value: '{role}'. Supported values are: 'assistant', 'system', 'developer', "
            "and 'user'.",
            param=f"{where}.role",
            code="invalid_value",
        )
    content = item.get("content")
    if isinstance(content, str):
        return
    if not isinstance(content, list) or not content:
        raise _missing(f"{where}.content")
    allowed = _CONTENT.get(str(role), _CONTENT["user"])
    for index, part in enumerate(cast("list[Any]", content)):
        kind = cast("JsonObject", part).get("type") if isinstance(part, dict) else None
        if kind not in allowed:
            raise Rejected(
                400,
                f"Invalid value: '{kind}'. Supported values are: "
                f"{', '.join(repr(each) for each in allowed)}.",
                param=f"{where}.content[{index}]",
                code="invalid_value",
            )


def _check_name(where: str, name: object) -> None:
    if not isinstance(name, str) or not _NAME.match(name) or len(name) > _MAX_NAME_CHARS:
        raise Rejected(
            400,
            f"Invalid '{where}': string does not match pattern. Expected a string that matches the "
            "pattern '^[a-zA-Z0-9_-]+$'.",
            param=where,
            code="invalid_value",
        )


def _missing(where: str) -> Rejected:
    return Rejected(
        400,
        f"Missing required parameter: '{where}'.",
        param=where,
        code="missing_required_parameter",
    )
