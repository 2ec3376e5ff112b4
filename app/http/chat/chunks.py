"""Chunks of a UI message stream that are made of records: calls, asks, how an answer ended."""

import json
from collections.abc import Iterator

from app.http.asks import AskShown
from app.http.messages.wire import UsageAnswer
from app.services.chatting import PLAN_TOOL, QUESTION_TOOL
from store.records import Ask, Message, MessageStatus, ToolCallRecord

Chunk = dict[str, object]
SETTLED = frozenset({"completed", "failed", "cancelled", "skipped"})
NEVER_RUN = "This call was not run."
FAILED = "The answer failed"


def start(message: Message) -> Chunk:
    """The message begins, or goes on."""
    known = {"conversationId": message.conversation_id, "projectId": message.project_id}
    return {"type": "start", "messageId": message.message_id, "messageMetadata": known}


def input_start(call_id: str, name: str) -> Chunk:
    """The model begins to write a call."""
    return {"type": "tool-input-start", **_tool(call_id, name)}


def input_delta(call_id: str, text: str) -> Chunk:
    """It writes on."""
    return {"type": "tool-input-delta", "toolCallId": call_id, "inputTextDelta": text}


def input_available(record: ToolCallRecord) -> Chunk:
    """A call is whole."""
    tool = _tool(record.tool_call_id, record.name)
    return {"type": "tool-input-available", **tool, "input": json.loads(record.arguments_json)}


def _tool(call_id: str, name: str) -> Chunk:
    """Only questions are for the page to answer; all else runs with us."""
    return {"toolCallId": call_id, "toolName": name, "providerExecuted": name != QUESTION_TOOL}


def approval_request(ask: Ask) -> Chunk:
    """A call waits for the person."""
    return {
        "type": "tool-approval-request",
        "approvalId": ask.ask_id,
        "toolCallId": ask.tool_call_id,
        "approvalDescriptor": _shown(ask),
    }


def approval_response(ask: Ask) -> Chunk | None:
    """What the person has said to it; None: nothing yet."""
    answer = ask.answer
    if answer is None or answer.decision is None:
        return None
    reason = {} if answer.text is None else {"reason": answer.text}
    return {
        "type": "tool-approval-response",
        "approvalId": ask.ask_id,
        "approved": answer.decision == "allow",
        **reason,
    }


def results(record: ToolCallRecord, ask: Ask | None) -> Iterator[Chunk]:
    """What a settled call came to; a plan is data besides."""
    output = record.output or ""
    call: Chunk = {"toolCallId": record.tool_call_id}
    ran = call | {"providerExecuted": record.name != QUESTION_TOOL}
    if ask is not None and ask.answer is not None and ask.answer.decision == "deny":
        yield {"type": "tool-output-denied", **call}
    elif record.status == "completed":
        yield {"type": "tool-output-available", **ran, "output": output}
    else:
        yield {"type": "tool-output-error", **ran, "errorText": output or NEVER_RUN}
    if record.name == PLAN_TOOL and record.status == "completed":
        yield _data("plan", {"todos": json.loads(record.arguments_json)["items"]}, "plan")


def never_run(call_id: str) -> Chunk:
    """A call that was written and that nobody keeps."""
    return {"type": "tool-output-error", "toolCallId": call_id, "errorText": NEVER_RUN}


def asked(ask: Ask) -> Chunk:
    """A question, a budget, or what a sub-agent asks."""
    return _data("ask", _shown(ask), ask.ask_id)


def condensing(turn: int) -> Chunk:
    """The history is made shorter before a turn."""
    return _data("condensing", {"turn": turn}, f"condensing-{turn}")


def output(call_id: str, **told: object) -> Chunk:
    """What a running call says: a page hears of it (`onData`) and no message keeps it."""
    return {"type": "data-output", "data": {"toolCallId": call_id, **told}, "transient": True}


def end(message: Message) -> Iterator[Chunk]:
    """How an answer ended, and what it took."""
    if message.usage is not None:
        usage = UsageAnswer.model_validate(message.usage)
        yield _data("usage", usage.model_dump(by_alias=True, exclude_none=True), "usage")
    told = {
        "status": message.status,
        "model": message.model,
        "endedEarly": message.ended_early,
        "errorCode": message.error_code,
    }
    metadata = {name: value for name, value in told.items() if value is not None}
    match message.status:
        case MessageStatus.FAILED:
            yield {"type": "message-metadata", "messageMetadata": metadata}
            yield {"type": "error", "errorText": message.error or FAILED}
        case MessageStatus.CANCELLED:
            yield {"type": "abort", "reason": "cancelled"}
            yield {"type": "finish", "finishReason": "interrupted", "messageMetadata": metadata}
        case _:
            reasons = {"cut": "length", "refused": "content-filter"}
            reason = "stop" if message.ended_early is None else "other"
            reason = reasons.get(message.ended_early or "", reason)
            yield {"type": "finish", "finishReason": reason, "messageMetadata": metadata}


def _shown(ask: Ask) -> Chunk:
    return AskShown.model_validate(ask).model_dump(mode="json", by_alias=True, exclude_none=True)


def _data(name: str, data: object, part_id: str) -> Chunk:
    return {"type": f"data-{name}", "id": part_id, "data": data}
