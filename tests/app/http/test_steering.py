"""Messages sent while an answer is being written: each says what becomes of that answer."""

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import Api

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product


async def slow_answer(api: Api) -> tuple[str, str]:
    """A conversation, and the answer that is being written in it."""
    conversation = await api.conversation()
    sent = await api.send(conversation, "answer slowly")
    await api.until_streaming(sent["messageId"])
    return conversation, sent["messageId"]


async def said(api: Api, conversation: str) -> list[tuple[str, str]]:
    listed = await api.ok("GET", f"/api/conversations/{conversation}/messages")
    return [(each["role"], each["content"][:20]) for each in listed["messages"]]


async def test_a_message_that_steers_is_heeded_in_the_running_answer(api: Api) -> None:
    conversation, first = await slow_answer(api)
    sent = await api.send(conversation, "and write the file", "steer")
    assert sent["messageId"] == sent["steers"] == first
    assert sent["runId"] == (await api.message(first))["runId"]
    answer = await api.until_final(first)
    assert answer["status"] == "completed"
    assert answer["content"].startswith("All work and no play.")
    assert answer["content"].endswith("\n\nI will.\n\nDone as you asked.")
    assert [call["name"] for call in answer["toolCalls"]] == ["writeFile"]
    told = await api.message(sent["userMessageId"])
    assert (told["role"], told["steers"], told["toldIn"]) == ("user", first, 1)
    assert await said(api, conversation) == [
        ("user", "answer slowly"),
        ("assistant", "All work and no play"),
        ("user", "and write the file"),
    ]


async def test_a_message_that_steers_nothing_is_answered(api: Api) -> None:
    conversation = await api.conversation()
    sent = await api.send(conversation, "hello", "steer")
    assert "steers" not in sent
    assert (await api.until_final(sent["messageId"]))["content"] == "Done as you asked."


async def test_the_same_key_steers_once(api: Api) -> None:
    conversation, first = await slow_answer(api)
    body = {"conversationId": conversation, "message": "hello", "whenBusy": "steer"}
    headers = {"Idempotency-Key": "once"}
    sent = [await api.ok("POST", "/api/messages", body, headers=headers) for _ in range(2)]
    assert sent[0] == sent[1]
    await api.until_final(first)
    assert await api.ok("POST", "/api/messages", body, headers=headers) == sent[0]
    assert len(await said(api, conversation)) == 3


async def test_what_a_cancelled_answer_was_not_told_is_told_with_the_next_message(api: Api) -> None:
    conversation, first = await slow_answer(api)
    await api.send(conversation, "write the file", "steer")
    await api.ok("POST", "/api/messages/cancel", {"messageId": first})
    sent = await api.send(conversation, "go on", "steer")
    answer = await api.until_final(sent["messageId"])
    assert answer["content"] == "I will.\n\nDone as you asked."


async def test_a_message_interrupts_queues_or_is_rejected_as_it_says(new_person: NewPerson) -> None:
    api = await new_person("queue")
    conversation, first = await slow_answer(api)
    body = {"conversationId": conversation, "message": "hello"}
    refused = await api.call("POST", "/api/messages", {**body, "whenBusy": "reject"})
    assert (refused.status, refused.body["code"]) == (409, "message_in_progress")
    queued = await api.send(conversation, "hello", "queue")
    assert (await api.message(first))["status"] == "processing"
    last = await api.send(conversation, "hello", "interrupt")
    assert (await api.message(first))["status"] == "cancelled"
    assert (await api.message(first))["content"]
    assert (await api.message(queued["messageId"]))["status"] == "cancelled"
    assert (await api.until_final(last["messageId"]))["status"] == "completed"


async def test_a_policy_that_is_none_is_refused(api: Api) -> None:
    body = {"conversationId": await api.conversation(), "message": "hello", "whenBusy": "cancel"}
    refused = await api.call("POST", "/api/messages", body)
    assert refused.status == 400
    assert "whenBusy" in str(refused.body)
