"""Anthropic's Messages protocol, from the provider's side."""

import json
from collections.abc import Mapping
from typing import Any, Literal, cast

from core.ids import new_id
from llm.scripted.anthropic_rules import (
    Turn,
    cached_blocks,
    check_request,
    plain,
    signature_of,
)
from llm.scripted.asked import Asked, AskedResult
from llm.scripted.cache import PrefixCache
from llm.scripted.dialect import Block, Counted, Ending, JsonObject, Rejected, tokens
from llm.scripted.scenario import Scenario, StopWord

VERSIONS = ("2023-06-01", "2026-10-21")
_LOOKBACK = 20  # blocks before a breakpoint in which the API looks for a cached prefix

_STOPS: dict[StopWord, str] = {
    "end": "end_turn",
    "tool_calls": "tool_use",
    "max_tokens": "max_tokens",
    "refusal": "refusal",
    "context_full": "model_context_window_exceeded",
}
_STATUSES: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "Bad request"),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: (
        "permission_error",
        "Your API key does not have permission to use the specified resource.",
    ),
    404: ("not_found_error", "Not found"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}


class AnthropicDialect:
    """`POST /v1/messages`, with the checks, errors, events and the prompt cache of the real one."""

    name: Literal["anthropic"] = "anthropic"

    def __init__(self) -> None:
        self._cache = PrefixCache()

    def check_headers(self, headers: Mapping[str, str], scenario: Scenario) -> None:
        """Key and version."""
        key = headers.get("x-api-key") or headers.get("Authorization", "").removeprefix("Bearer ")
        if not key:
            raise Rejected(401, "x-api-key header is required", kind="authentication_error")
        if scenario.keys is not None and key not in scenario.keys:
            raise Rejected(401, "invalid x-api-key", kind="authentication_error")
        version = headers.get("anthropic-version")
        if version is None:
            raise Rejected(400, "anthropic-version: header is required")
        if version not in VERSIONS:
            raise Rejected(400, f'anthropic-version: "{version}" is not a valid version')

    def read(self, body: object, *, headers: Mapping[str, str], scenario: Scenario) -> Asked:
        """Validate, and say what is asked."""
        request, turns = check_request(body, version=headers["anthropic-version"])
        if scenario.models is not None and request["model"] not in scenario.models:
            raise Rejected(404, f"model: {request['model']}", kind="not_found_error")
        input_chars = sum(len(plain(block)) for block in cached_blocks(request, turns))
        if tokens(input_chars) > scenario.context_window:
            raise Rejected(
                400,
                f"prompt is too long: {tokens(input_chars)} tokens > {scenario.context_window} "
                "maximum",
            )
        user_text, results = _latest(turns)
        kind = cast("JsonObject", request.get("tool_choice", {})).get("type")
        return Asked(
            protocol="anthropic",
            model=request["model"],
            system=_text_of(request.get("system", "")),
            user_text=user_text,
            results=results,
            history="\n".join(_block_text(block) for turn in turns for block in turn.blocks),
            tool_choice=cast("Any", kind) if kind in ("none", "tool") else "auto",
            max_tokens=request["max_tokens"],
            stream=bool(request.get("stream", False)),
            input_chars=input_chars,
        )

    def count(self, body: JsonObject, output_chars: int) -> Counted:
        """Tokens, with what the cache reads and writes at the request's breakpoints."""
        request, turns = check_request(body, version=VERSIONS[0])
        blocks = list(cached_blocks(request, turns))
        marked = [index for index, block in enumerate(blocks) if block.get("cache_control")]
        if request.get("cache_control") and blocks:
            marked = sorted({*marked, len(blocks) - 1})
        texts = [plain(block) for block in blocks]
        read, written = self._cache.use(texts, marked, lookback=_LOOKBACK)
        rest = sum(map(len, texts)) - read - written
        return Counted(tokens(rest), tokens(output_chars), tokens(read), tokens(written))

    def wire(self, asked: Asked, ending: Ending, body: JsonObject) -> "AnthropicWire":
        """An encoder of one answer."""
        request, turns = check_request(body, version=VERSIONS[0])
        return AnthropicWire(asked, ending, before=list(cached_blocks(request, turns)))

    def new_call_id(self) -> str:
        """`toolu_…`."""
        return new_id("toolu")

    def error_body(self, rejected: Rejected) -> JsonObject:
        """`{"type": "error", "error": {…}, "request_id": …}`."""
        return {
            "type": "error",
            "error": {"type": rejected.kind, "message": rejected.message},
            "request_id": new_id("req"),
        }

    def status_kind(self, status: int) -> tuple[str, str]:
        """The API's error type for a status."""
        fallback = _STATUSES[500] if status >= 500 else _STATUSES[400]  # noqa: PLR2004 - HTTP's halves
        return _STATUSES.get(status, fallback)


class AnthropicWire:
    """Events of one answer."""

    def __init__(self, asked: Asked, ending: Ending, *, before: list[JsonObject]) -> None:
        self._asked = asked
        self._ending = ending
        self._before = before
        self._message_id = new_id("msg")

    def opening(self) -> bytes:
        """`message_start`, then a ping, as the API sends them."""
        message = self._message([], stop=None)
        message["usage"]["output_tokens"] = 1
        return _event("message_start", {"message": message}) + self.ping()

    def block_start(self, index: int, block: Block) -> bytes:
        """`content_block_start`."""
        content: JsonObject
        match block.kind:
            case "text":
                content = {"type": "text", "text": ""}
            case "thinking":
                content = {"type": "thinking", "thinking": "", "signature": ""}
            case "call":
                content = {
                    "type": "tool_use",
                    "id": block.call_id,
                    "name": block.name,
                    "input": {},
                }
        return _event("content_block_start", {"index": index, "content_block": content})

    def piece(self, index: int, block: Block, text: str) -> bytes:
        """`content_block_delta`."""
        delta: JsonObject
        match block.kind:
            case "text":
                delta = {"type": "text_delta", "text": text}
            case "thinking":
                delta = {"type": "thinking_delta", "thinking": text}
            case "call":
                delta = {"type": "input_json_delta", "partial_json": text}
        return _event("content_block_delta", {"index": index, "delta": delta})

    def block_end(self, index: int, block: Block) -> bytes:
        """`content_block_stop`, with the signature of a thought before it."""
        signed = b""
        if block.kind == "thinking":
            delta = {"type": "signature_delta", "signature": signature_of(block.text, self._before)}
            signed = _event("content_block_delta", {"index": index, "delta": delta})
        return signed + _event("content_block_stop", {"index": index})

    def closing(self) -> bytes:
        """`message_delta` with stop reason and usage, `message_stop`."""
        delta = {"stop_reason": _STOPS[self._ending.stop], "stop_sequence": None}
        usage = {"output_tokens": self._ending.counted.output_tokens}
        return _event("message_delta", {"delta": delta, "usage": usage}) + _event(
            "message_stop", {}
        )

    def ping(self) -> bytes:
        """`ping`."""
        return _event("ping", {})

    def error(self, kind: str, message: str) -> bytes:
        """`error`."""
        return _event("error", {"error": {"type": kind, "message": message}})

    def whole(self, blocks: list[Block]) -> JsonObject:
        """A `message` object."""
        content: list[JsonObject] = []
        for block in blocks:
            match block.kind:
                case "text":
                    content.append({"type": "text", "text": block.text})
                case "thinking":
                    signature = signature_of(block.text, self._before)
                    content.append(
                        {"type": "thinking", "thinking": block.text, "signature": signature}
                    )
                case "call":
                    content.append(
                        {
                            "type": "tool_use",
                            "id": block.call_id,
                            "name": block.name,
                            "input": json.loads(block.text or "{}"),
                        }
                    )
        return self._message(content, stop=_STOPS[self._ending.stop])

    def _message(self, content: list[JsonObject], *, stop: str | None) -> JsonObject:
        counted = self._ending.counted
        return {
            "id": self._message_id,
            "type": "message",
            "role": "assistant",
            "model": f"scripted-{self._asked.model}",
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {
                "input_tokens": counted.input_tokens,
                "cache_creation_input_tokens": counted.cache_write_tokens,
                "cache_read_input_tokens": counted.cache_read_tokens,
                "output_tokens": counted.output_tokens,
                "service_tier": "standard",
            },
        }


def _event(name: str, data: JsonObject) -> bytes:
    body = json.dumps({"type": name, **data}, ensure_ascii=False)
    return f"event: {name}\ndata: {body}\n\n".encode()


def _text_of(content: Any) -> str:  # a string or a list of blocks, checked before
    if isinstance(content, str):
        return content
    return "".join(_block_text(block) for block in cast("list[JsonObject]", content))


def _block_text(block: JsonObject) -> str:
    match block.get("type"):
        case "text":
            return str(block["text"])
        case "tool_result":
            return _text_of(block.get("content", ""))
        case "tool_use":
            return json.dumps(block["input"], ensure_ascii=False)
        case _:
            return ""


def _latest(turns: list[Turn]) -> tuple[str, tuple[AskedResult, ...]]:
    """The last text of the user, and the tool results that came after it."""
    results: list[AskedResult] = []
    for turn in reversed(turns):
        if turn.role != "user":
            continue
        texts: list[str] = []
        found: list[AskedResult] = []
        for block in turn.blocks:
            if block["type"] == "text":
                texts.append(block["text"])
                found.clear()
            elif block["type"] == "tool_result":
                found.append(
                    AskedResult(_text_of(block.get("content", "")), bool(block.get("is_error")))
                )
        results = found + results
        if texts:
            return "\n".join(texts), tuple(results)
    return "", tuple(results)
