"""Answers as UI message streams: sent, followed, resumed at any place, cancelled, refused."""

from typing import Any

import pytest

from tests.support.api_client import Api
from tests.support.chat import Stream, said, streaming, until, whole

pytestmark = pytest.mark.timeout(120)


async def test_an_answer_with_a_tool_call_is_a_message_of_two_steps(api: Api) -> None:
    conversation_id = await api.conversation()
    stream = await whole(api, post={"id": conversation_id, "messages": [said("write it")]})
    (start,) = stream.of("start")
    stored = await api.message(start["messageId"])
    assert start["messageMetadata"]["conversationId"] == conversation_id
    assert stream.is_done
    assert stream.types.count("start-step") == stream.types.count("finish-step") == 2
    assert stream.joined("text-delta") == "I will.Done as you asked."
    (call,) = stream.of("tool-input-available")
    assert call["toolName"] == "writeFile"
    assert call["input"] == {"path": "made.txt", "content": "by me\n"}
    assert call["providerExecuted"] is True
    (result,) = stream.of("tool-output-available")
    assert result["output"] == stored["toolCalls"][0]["result"]
    (usage,) = stream.of("data-usage")
    assert usage["data"]["outputTokens"] == stored["usage"]["outputTokens"]
    assert stream.chunks[-1]["type"] == "finish"
    assert stream.chunks[-1]["finishReason"] == "stop"
    types = stream.types
    assert types.index("tool-output-available") < types.index("start-step", 3)


async def test_the_same_message_again_is_the_same_answer_told_again(api: Api) -> None:
    conversation_id = await api.conversation()
    body = {"id": conversation_id, "messages": [said("write it", message_id="mine-1")]}
    first = await whole(api, post=body)
    again = await whole(api, post=body)
    assert again.of("start")[0]["messageId"] == first.of("start")[0]["messageId"]
    assert again.joined("text-delta") == first.joined("text-delta")
    assert again.of("tool-output-available") == first.of("tool-output-available")
    assert again.types.count("start-step") == 2
    assert again.of("finish") == first.of("finish")
    other = {**body, "messages": [said("something else", message_id="mine-1")]}
    refused = await api.call("POST", "/api/chat", other)
    assert (refused.status, refused.body["code"]) == (409, "idempotency_key_reused")


async def test_to_leave_cancels_nothing_and_who_resumes_has_all_of_it(api: Api) -> None:
    conversation_id = await api.conversation()
    left = Stream()
    body = {"id": conversation_id, "messages": [said("slowly")]}
    async with streaming(api, left, post=body) as chunks:
        await until(chunks, "text-delta")
    message_id = left.of("start")[0]["messageId"]
    resumed = await whole(api, resume=conversation_id)
    assert resumed.of("start")[0]["messageId"] == message_id
    stored = await api.message(message_id)
    assert resumed.joined("text-delta") == stored["content"] != ""
    nothing = await api.call("GET", f"/api/chat/{conversation_id}/stream")
    assert (nothing.status, nothing.body) == (204, b"")


async def test_who_resumes_by_the_id_of_an_event_goes_on_without_a_gap(api: Api) -> None:
    conversation_id = await api.conversation()
    stream = Stream()
    how: dict[str, Any] = {"post": {"id": conversation_id, "messages": [said("slowly")]}}
    connections = 0
    while not stream.is_done:
        async with streaming(api, stream, **how) as chunks:
            connections += 1
            count = 0
            async for _ in chunks:
                count += 1
                if count > 30 and connections < 6:
                    break
        how = {"resume": conversation_id, "after": stream.last_id}
    assert connections == 6
    stored = await api.message(stream.of("start")[0]["messageId"])
    assert stream.joined("text-delta") == stored["content"]
    assert stream.types.count("text-start") == stream.types.count("text-end") == 1
    assert stream.types.count("start-step") == stream.types.count("finish") == 1
    assert "reset-step" not in stream.types


async def test_a_cancelled_answer_is_aborted_with_what_is_stored(api: Api) -> None:
    conversation_id = await api.conversation()
    stream = Stream()
    body = {"id": conversation_id, "messages": [said("slowly")]}
    async with streaming(api, stream, post=body) as chunks:
        await until(chunks, "text-delta")
        message_id = stream.of("start")[0]["messageId"]
        await api.ok("POST", "/api/messages/cancel", {"messageId": message_id})
        await until(chunks, "abort")
        await until(chunks, "finish")
    assert stream.chunks[-1]["finishReason"] == "interrupted"
    assert stream.joined("text-delta") == (await api.message(message_id))["content"]


async def test_a_failed_answer_is_an_error_and_can_be_tried_again(api: Api) -> None:
    conversation_id = await api.conversation()
    body = {"id": conversation_id, "messages": [said("bad key")]}
    stream = await whole(api, post=body)
    assert stream.chunks[-1]["type"] == "error"
    assert stream.chunks[-1]["errorText"]
    message_id = stream.of("start")[0]["messageId"]
    again = await whole(api, post={**body, "trigger": "regenerate-message"})
    assert again.of("start")[0]["messageId"] == message_id
    assert again.chunks[-1]["type"] == "error"
    body = {"id": await api.conversation(), "messages": [said("write it")]}
    done = await whole(api, post=body)
    assert done.of("finish")
    refused = await api.call("POST", "/api/chat", {**body, "trigger": "regenerate-message"})
    assert (refused.status, refused.body["code"]) == (409, "message_not_failed")


async def test_a_deleted_chat_ends_its_stream_and_is_not_found(api: Api) -> None:
    conversation_id = await api.conversation()
    stream = Stream()
    body = {"id": conversation_id, "messages": [said("slowly")]}
    async with streaming(api, stream, post=body) as chunks:
        await until(chunks, "text-delta")
        await api.ok("DELETE", f"/api/conversations/{conversation_id}")
        gone = await until(chunks, "error")
    assert gone["errorText"] == "The conversation was deleted."
    assert (await api.call("GET", f"/api/chat/{conversation_id}/stream")).status == 404
    again = {**body, "messages": [said("slowly")]}
    assert (await api.call("POST", "/api/chat", again)).status == 404
