"""OpenAI's Responses protocol, from the provider's side."""

import json
from collections.abc import Mapping
from typing import Any, Literal, cast

from core.ids import new_id
from llm.scripted.asked import Asked, AskedResult
from llm.scripted.cache import PrefixCache
from llm.scripted.dialect import Block, Counted, Ending, JsonObject, Rejected, tokens
from llm.scripted.openai_wire import OpenAIDialect, choice_of, text_of
from llm.scripted.responses_rules import ENCRYPTED_MARK, check_request
from llm.scripted.scenario import Scenario

_CREATED = 1_767_225_600  # 2026-01-01: a scripted answer has no age
_CUTS = {
    "max_tokens": "max_output_tokens",
    "context_full": "max_output_tokens",
    "refusal": "content_filter",
}
_PREFIXES = {"text": "msg", "thinking": "rs", "call": "fc"}


class ResponsesDialect:
    """`POST /v1/responses`, with the checks, errors and events of the real one."""

    name: Literal["responses"] = "responses"

    def __init__(self) -> None:
        self._cache = PrefixCache()
        self._chat = OpenAIDialect()  # keys and errors are the same

    def check_headers(self, headers: Mapping[str, str], scenario: Scenario) -> None:
        """The key."""
        self._chat.check_headers(headers, scenario)

    def read(self, body: object, *, headers: Mapping[str, str], scenario: Scenario) -> Asked:
        """Validate, and say what is asked."""
        del headers  # this protocol has no version
        request = check_request(body)
        model = request["model"]
        if scenario.models is not None and model not in scenario.models:
            raise Rejected(
                400,
                f"The requested model '{model}' does not exist.",
                param="model",
                code="model_not_found",
            )
        plain = _plain(request)
        input_chars = sum(map(len, plain))
        if tokens(input_chars) > scenario.context_window:
            raise Rejected(
                400,
                "Your input exceeds the context window of this model. Please adjust your input "
                "and try again.",
                param="input",
                code="context_length_exceeded",
            )
        items = _items(request)
        user_text, results = _latest(items)
        return Asked(
            protocol="responses",
            model=model,
            system=str(request.get("instructions") or ""),
            user_text=user_text,
            results=results,
            history="\n".join(text_of(item.get("content", item.get("output"))) for item in items),
            tool_choice=choice_of(request.get("tool_choice")),
            max_tokens=request.get("max_output_tokens"),
            stream=bool(request.get("stream", False)),
            input_chars=input_chars,
        )

    def count(self, body: JsonObject, output_chars: int) -> Counted:
        """Tokens; the longest known prefix counts as cached, as the provider does unasked."""
        plain = _plain(body)
        read, _ = self._cache.use(plain, range(len(plain)), lookback=0)
        rest = sum(map(len, plain)) - read
        return Counted(tokens(rest), tokens(output_chars), tokens(read), 0)

    def wire(self, asked: Asked, ending: Ending, body: JsonObject) -> "ResponsesWire":
        """An encoder; thoughts have their proof where the request asks for it."""
        proves = "reasoning.encrypted_content" in cast("list[str]", body.get("include") or [])
        return ResponsesWire(asked, ending, proves=proves)

    def new_call_id(self) -> str:
        """`call_…`."""
        return new_id("call")

    def error_body(self, rejected: Rejected) -> JsonObject:
        """`{"error": {message, type, param, code}}`."""
        return self._chat.error_body(rejected)

    def status_kind(self, status: int) -> tuple[str, str]:
        """The API's error type for a status."""
        return self._chat.status_kind(status)


class ResponsesWire:
    """Events of one answer."""

    def __init__(self, asked: Asked, ending: Ending, *, proves: bool) -> None:
        self._asked = asked
        self._ending = ending
        self._proves = proves
        self._response_id = new_id("resp")
        self._number = 0
        self._output: dict[int, JsonObject] = {}
        self._texts: dict[int, str] = {}

    def opening(self) -> bytes:
        """The response begins."""
        response = self._response("in_progress")
        return self._event("response.created", response=response) + self._event(
            "response.in_progress", response=response
        )

    def block_start(self, index: int, block: Block) -> bytes:
        """The item begins, and the part of it that will have the text."""
        item = self._item(block, "", status="in_progress")
        self._output[index], self._texts[index] = item, ""
        added = self._event("response.output_item.added", output_index=index, item=item)
        place = {"item_id": item["id"], "output_index": index}
        match block.kind:
            case "text":
                part: JsonObject = {"type": "output_text", "text": "", "annotations": []}
                name = "response.content_part.added"
                return added + self._event(name, **place, content_index=0, part=part)
            case "thinking":
                part = {"type": "summary_text", "text": ""}
                name = "response.reasoning_summary_part.added"
                return added + self._event(name, **place, summary_index=0, part=part)
            case "call":
                return added

    def piece(self, index: int, block: Block, text: str) -> bytes:
        """The next characters."""
        self._texts[index] += text
        place = {"item_id": self._output[index]["id"], "output_index": index, "delta": text}
        match block.kind:
            case "text":
                return self._event("response.output_text.delta", **place, content_index=0)
            case "thinking":
                name = "response.reasoning_summary_text.delta"
                return self._event(name, **place, summary_index=0)
            case "call":
                return self._event("response.function_call_arguments.delta", **place)

    def block_end(self, index: int, block: Block) -> bytes:
        """The item is whole."""
        item_id, text = self._output[index]["id"], self._texts[index]
        item = self._item(block, text, status="completed", item_id=item_id)
        self._output[index] = item
        place = {"item_id": item_id, "output_index": index}
        done = self._event("response.output_item.done", output_index=index, item=item)
        match block.kind:
            case "text":
                name = "response.output_text.done"
                return self._event(name, **place, content_index=0, text=text) + done
            case "thinking":
                name = "response.reasoning_summary_text.done"
                return self._event(name, **place, summary_index=0, text=text) + done
            case "call":
                name = "response.function_call_arguments.done"
                return self._event(name, **place, arguments=text) + done

    def closing(self) -> bytes:
        """The whole response: how it ends, and the usage."""
        status = self._status()
        return self._event(f"response.{status}", response=self._response(status))

    def ping(self) -> bytes:
        """A comment."""
        return b": ping\n\n"

    def error(self, kind: str, message: str) -> bytes:
        """The response fails."""
        error = {"type": kind, "code": kind, "message": message, "param": None}
        return self._event("error", error=error)

    def whole(self, blocks: list[Block]) -> JsonObject:
        """A `response` object."""
        for index, block in enumerate(blocks):
            self._output[index] = self._item(block, block.text, status="completed")
        return self._response(self._status())

    def _status(self) -> str:
        return "incomplete" if self._ending.stop in _CUTS else "completed"

    def _response(self, status: str) -> JsonObject:
        reason = _CUTS.get(self._ending.stop)
        is_cut = status == "incomplete"
        return {
            "id": self._response_id,
            "object": "response",
            "created_at": _CREATED,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": reason} if is_cut else None,
            "model": f"scripted-{self._asked.model}",
            "output": [] if status == "in_progress" else list(self._output.values()),
            "store": False,
            "usage": None if status == "in_progress" else self._usage(),
        }

    def _item(self, block: Block, text: str, *, status: str, item_id: str = "") -> JsonObject:
        item_id = item_id or new_id(_PREFIXES[block.kind])
        head: JsonObject = {"id": item_id, "status": status}
        is_done = status == "completed"
        match block.kind:
            case "text":
                part: JsonObject = {"type": "output_text", "text": text, "annotations": []}
                content = [part] if is_done else []
                return {**head, "type": "message", "role": "assistant", "content": content}
            case "thinking":
                summary = [{"type": "summary_text", "text": text}] if is_done else []
                proof = {"encrypted_content": ENCRYPTED_MARK + item_id} if self._proves else {}
                return {**head, "type": "reasoning", "summary": summary, **proof}
            case "call":
                call = {"call_id": block.call_id, "name": block.name, "arguments": text}
                return {**head, "type": "function_call", **call}

    def _event(self, name: str, **fields: Any) -> bytes:
        said = {"type": name, "sequence_number": self._number, **fields}
        self._number += 1
        return f"event: {name}\ndata: {json.dumps(said, ensure_ascii=False)}\n\n".encode()

    def _usage(self) -> JsonObject:
        counted = self._ending.counted
        whole = counted.input_tokens + counted.cache_read_tokens
        return {
            "input_tokens": whole,
            "input_tokens_details": {"cached_tokens": counted.cache_read_tokens},
            "output_tokens": counted.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": whole + counted.output_tokens,
        }


def _items(request: JsonObject) -> list[JsonObject]:
    given = request["input"]
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return cast("list[JsonObject]", given)


def _plain(request: JsonObject) -> list[str]:
    parts = (
        *cast("list[Any]", request.get("tools") or []),
        request.get("instructions") or "",
        *_items(request),
    )
    return [json.dumps(part, ensure_ascii=False, sort_keys=True) for part in parts]


def _latest(items: list[JsonObject]) -> tuple[str, tuple[AskedResult, ...]]:
    """The last text of the user, and the tool results after it, none marked as an error."""
    results: list[AskedResult] = []
    for item in reversed(items):
        if item.get("type") == "function_call_output":
            results.insert(0, AskedResult(text_of(item.get("output")), is_error=False))
        if item.get("role") == "user":
            return text_of(item.get("content")), tuple(results)
    return "", tuple(results)
