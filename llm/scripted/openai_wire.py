"""OpenAI's Chat Completions protocol, from the provider's side."""

import json
from collections.abc import Mapping
from typing import Any, Literal, cast

from core.ids import new_id
from llm.scripted.asked import Asked, AskedResult
from llm.scripted.cache import PrefixCache
from llm.scripted.dialect import Block, Counted, Ending, JsonObject, Rejected, tokens
from llm.scripted.openai_rules import check_request
from llm.scripted.scenario import Scenario, StopWord

_CREATED = 1_767_225_600  # 2026-01-01: a scripted answer has no age

_STOPS: dict[StopWord, str] = {
    "end": "stop",
    "tool_calls": "tool_calls",
    "max_tokens": "length",
    "refusal": "content_filter",
    "context_full": "length",
}
_STATUSES: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "Bad request"),
    401: ("invalid_request_error", "Incorrect API key provided."),
    402: ("insufficient_quota", "You exceeded your current quota."),
    403: ("invalid_request_error", "You do not have access to this resource."),
    404: ("invalid_request_error", "The model does not exist or you do not have access to it."),
    429: ("requests", "Rate limit reached."),
    500: ("server_error", "The server had an error while processing your request."),
    503: ("server_error", "The engine is currently overloaded, please try again later."),
    529: ("server_error", "The engine is currently overloaded, please try again later."),
}


class OpenAIDialect:
    """`POST /v1/chat/completions`, with the checks, errors and chunks of the real one."""

    name: Literal["openai"] = "openai"

    def __init__(self) -> None:
        self._cache = PrefixCache()

    def check_headers(self, headers: Mapping[str, str], scenario: Scenario) -> None:
        """The key."""
        key = headers.get("Authorization", "").removeprefix("Bearer ")
        if not key:
            raise Rejected(
                401, "You didn't provide an API key.", kind="invalid_request_error", code=None
            )
        if scenario.keys is not None and key not in scenario.keys:
            raise Rejected(401, "Incorrect API key provided.", code="invalid_api_key")

    def read(self, body: object, *, headers: Mapping[str, str], scenario: Scenario) -> Asked:
        """Validate, and say what is asked."""
        del headers  # this protocol has no version
        request = check_request(body)
        model = request["model"]
        if scenario.models is not None and model not in scenario.models:
            raise Rejected(
                404,
                f"The model `{model}` does not exist or you do not have access to it.",
                code="model_not_found",
            )
        plain = _plain(request)
        input_chars = sum(map(len, plain))
        if tokens(input_chars) > scenario.context_window:
            raise Rejected(
                400,
                f"This model's maximum context length is {scenario.context_window} tokens. "
                f"However, your messages resulted in {tokens(input_chars)} tokens. Please reduce "
                "the length of the messages.",
                param="messages",
                code="context_length_exceeded",
            )
        messages = cast("list[JsonObject]", request["messages"])
        user_text, results = _latest(messages)
        return Asked(
            protocol="openai",
            model=model,
            system="\n".join(
                text_of(message["content"])
                for message in messages
                if message["role"] in ("system", "developer")
            ),
            user_text=user_text,
            results=results,
            history="\n".join(text_of(message.get("content")) for message in messages),
            tool_choice=choice_of(request.get("tool_choice")),
            max_tokens=request.get("max_completion_tokens") or request.get("max_tokens"),
            stream=bool(request.get("stream", False)),
            input_chars=input_chars,
        )

    def count(self, body: JsonObject, output_chars: int) -> Counted:
        """Tokens; the longest known prefix counts as cached, as the provider does unasked."""
        plain = _plain(body)
        read, _ = self._cache.use(plain, range(len(plain)), lookback=0)
        rest = sum(map(len, plain)) - read
        return Counted(tokens(rest), tokens(output_chars), tokens(read), 0)

    def wire(self, asked: Asked, ending: Ending, body: JsonObject) -> "OpenAIWire":
        """An encoder that sends usage only where the request asks for it."""
        options = cast("JsonObject", body.get("stream_options") or {})
        return OpenAIWire(asked, ending, usage_asked=bool(options.get("include_usage")))

    def new_call_id(self) -> str:
        """`call_…`."""
        return new_id("call")

    def error_body(self, rejected: Rejected) -> JsonObject:
        """`{"error": {message, type, param, code}}`."""
        return {
            "error": {
                "message": rejected.message,
                "type": rejected.kind,
                "param": rejected.param,
                "code": rejected.code,
            }
        }

    def status_kind(self, status: int) -> tuple[str, str]:
        """The API's error type for a status."""
        fallback = _STATUSES[500] if status >= 500 else _STATUSES[400]  # noqa: PLR2004 - HTTP's halves
        return _STATUSES.get(status, fallback)


class OpenAIWire:
    """Chunks of one answer."""

    def __init__(self, asked: Asked, ending: Ending, *, usage_asked: bool) -> None:
        self._asked = asked
        self._ending = ending
        self._usage_asked = usage_asked
        self._completion_id = new_id("chatcmpl")
        self._calls = 0

    def opening(self) -> bytes:
        """The chunk that carries the role."""
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def block_start(self, index: int, block: Block) -> bytes:
        """For a call: its id and name."""
        del index
        if block.kind != "call":
            return b""
        call = {
            "index": self._calls,
            "id": block.call_id,
            "type": "function",
            "function": {"name": block.name, "arguments": ""},
        }
        self._calls += 1
        return self._chunk({"tool_calls": [call]})

    def piece(self, index: int, block: Block, text: str) -> bytes:
        """The next characters; thinking goes where compatible providers send it."""
        del index
        match block.kind:
            case "text":
                return self._chunk({"content": text})
            case "thinking":
                return self._chunk({"reasoning_content": text})
            case "call":
                call = {"index": self._calls - 1, "function": {"arguments": text}}
                return self._chunk({"tool_calls": [call]})

    def block_end(self, index: int, block: Block) -> bytes:
        """Nothing: the protocol does not say when a part ends."""
        del index, block
        return b""

    def closing(self) -> bytes:
        """The finish reason, the usage where it was asked for, `[DONE]`."""
        ended = self._chunk({}, finish=_STOPS[self._ending.stop])
        usage = self._chunk(None, usage=self._usage()) if self._usage_asked else b""
        return ended + usage + b"data: [DONE]\n\n"

    def ping(self) -> bytes:
        """A comment, as OpenRouter sends it."""
        return b": PROCESSING\n\n"

    def error(self, kind: str, message: str) -> bytes:
        """An `error` object in place of a chunk."""
        error = {"message": message, "type": kind, "param": None, "code": kind}
        return f"data: {json.dumps({'error': error}, ensure_ascii=False)}\n\n".encode()

    def whole(self, blocks: list[Block]) -> JsonObject:
        """A `chat.completion` object."""
        texts = [block.text for block in blocks if block.kind == "text"]
        message: JsonObject = {
            "role": "assistant",
            "content": "".join(texts) if texts else None,
            "refusal": None,
        }
        calls = [block for block in blocks if block.kind == "call"]
        if calls:
            message["tool_calls"] = [
                {
                    "id": call.call_id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.text},
                }
                for call in calls
            ]
        choice = {"index": 0, "message": message, "finish_reason": _STOPS[self._ending.stop]}
        return {
            **self._head("chat.completion"),
            "choices": [{**choice, "logprobs": None}],
            "usage": self._usage(),
        }

    def _head(self, kind: str) -> JsonObject:
        return {
            "id": self._completion_id,
            "object": kind,
            "created": _CREATED,
            "model": f"scripted-{self._asked.model}",
            "system_fingerprint": "scripted",
        }

    def _chunk(
        self,
        delta: JsonObject | None,
        *,
        finish: str | None = None,
        usage: JsonObject | None = None,
    ) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        chunk = {
            **self._head("chat.completion.chunk"),
            "choices": [] if delta is None else [choice],
            **({"usage": usage} if self._usage_asked else {}),
        }
        return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()

    def _usage(self) -> JsonObject:
        counted = self._ending.counted
        prompt = counted.input_tokens + counted.cache_read_tokens
        return {
            "prompt_tokens": prompt,
            "completion_tokens": counted.output_tokens,
            "total_tokens": prompt + counted.output_tokens,
            "prompt_tokens_details": {"cached_tokens": counted.cache_read_tokens},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }


def _plain(request: JsonObject) -> list[str]:
    tools = cast("list[Any]", request.get("tools") or [])
    return [
        json.dumps(part, ensure_ascii=False, sort_keys=True)
        for part in (*tools, *cast("list[Any]", request["messages"]))
    ]


def text_of(content: Any) -> str:
    """The text of a content: a string, a list of parts, or null."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in cast("list[JsonObject]", content))


def choice_of(given: Any) -> Literal["auto", "none", "tool"]:
    """What a request says of calling tools."""
    if isinstance(given, dict):
        return "tool"
    return "none" if given == "none" else "auto"


def _latest(messages: list[JsonObject]) -> tuple[str, tuple[AskedResult, ...]]:
    """The last text of the user, and the tool results after it, none marked as an error."""
    results: list[AskedResult] = []
    for message in reversed(messages):
        if message["role"] == "tool":
            results.insert(0, AskedResult(text_of(message.get("content")), is_error=False))
        if message["role"] == "user":
            return text_of(message.get("content")), tuple(results)
    return "", tuple(results)
