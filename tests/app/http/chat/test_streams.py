"""Answers as UI message streams: sent, followed, told again, cancelled, failed."""

import pytest

from tests.support.api_client import Api
from tests.support.chat import Reader, Stream, said, until

pytestmark = pytest.mark.timeout(120)


async def test_an_answer_with_a_tool_call_is_a_message_of_two_steps(
    api: Api, reader: Reader
) -> None:
    conversation_id = await api.conversation()
    stream = await reader.whole(post={"id": conversation_id, "messages": [said("write it")]})
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


async def test_the_same_message_again_is_the_same_answer_told_again(
    api: Api, reader: Reader
) -> None:
    conversation_id = await api.conversation()
    body = {"id": conversation_id, "messages": [said("write it", message_id="mine-1")]}
    first = await reader.whole(post=body)
    again = await reader.whole(post=body)
    assert again.of("start")[0]["messageId"] == first.of("start")[0]["messageId"]
    assert again.joined("text-delta") == first.joined("text-delta")
    assert again.of("tool-output-available") == first.of("tool-output-available")
    assert again.types.count("start-step") == 2
    assert again.of("finish") == first.of("finish")
    other = {**body, "messages": [said("something else", message_id="mine-1")]}
    refused = await api.call("POST", "/api/chat", other)
    assert (refused.status, refused.body["code"]) == (409, "idempotency_key_reused")


async def test_a_cancelled_answer_is_aborted_with_what_is_stored(api: Api, reader: Reader) -> None:
    conversation_id = await api.conversation()
    stream = Stream()
    body = {"id": conversation_id, "messages": [said("slowly")]}
    async with reader.reading(stream, post=body) as chunks:
        await until(chunks, "text-delta")
        message_id = stream.of("start")[0]["messageId"]
        await api.ok("POST", "/api/messages/cancel", {"messageId": message_id})
        await until(chunks, "abort")
        await until(chunks, "finish")
    assert stream.chunks[-1]["finishReason"] == "interrupted"
    assert stream.joined("text-delta") == (await api.message(message_id))["content"]


async def test_a_failed_answer_is_an_error_and_can_be_tried_again(api: Api, reader: Reader) -> None:
    conversation_id = await api.conversation()
    body = {"id": conversation_id, "messages": [said("bad key")]}
    stream = await reader.whole(post=body)
    assert stream.chunks[-1]["type"] == "error"
    assert stream.chunks[-1]["errorText"]
    message_id = stream.of("start")[0]["messageId"]
    again = await reader.whole(post={**body, "trigger": "regenerate-message"})
    assert again.of("start")[0]["messageId"] == message_id
    assert again.chunks[-1]["type"] == "error"
    body = {"id": await api.conversation(), "messages": [said("write it")]}
    done = await reader.whole(post=body)
    assert done.of("finish")
    refused = await api.call("POST", "/api/chat", {**body, "trigger": "regenerate-message"})
    assert (refused.status, refused.body["code"]) == (409, "message_not_failed")
