"""A message edited and answered again, in a conversation of its own."""

import asyncio

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import Api

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product


async def answered(api: Api, conversation: str, text: str) -> str:
    """Sends and waits; the id of the person's message."""
    sent = await api.send(conversation, text)
    assert (await api.until_final(sent["messageId"]))["status"] == "completed"
    return sent["userMessageId"]


async def said(api: Api, conversation: str) -> list[str]:
    listed = await api.ok("GET", f"/api/conversations/{conversation}/messages")
    return [each["content"] for each in listed["messages"]]


async def test_the_edited_message_is_answered_after_what_came_before_it(api: Api) -> None:
    conversation = await api.conversation()
    await answered(api, conversation, "write the file")
    second = await answered(api, conversation, "hello")
    before = await said(api, conversation)
    edited = await api.ok("POST", f"/api/messages/{second}/edit", {"content": "hello there"})
    assert edited["runId"]
    assert "restored" not in edited
    answer = await api.until_final(edited["messageId"])
    assert answer["content"] == "Done as you asked."
    assert answer["conversationId"] == edited["conversationId"] != conversation
    assert await said(api, edited["conversationId"]) == [
        "write the file",
        "I will.\n\nDone as you asked.",
        "hello there",
        "Done as you asked.",
    ]
    assert await said(api, conversation) == before
    shown = await api.ok("GET", f"/api/conversations/{edited['conversationId']}")
    assert shown["editedFrom"] == second
    copied = await api.ok("GET", f"/api/conversations/{edited['conversationId']}/messages")
    detail = await api.message(copied["messages"][1]["messageId"])
    assert [call["name"] for call in detail["toolCalls"]] == ["writeFile"]


async def test_the_same_key_edits_once(api: Api) -> None:
    first = await answered(api, await api.conversation(), "hello")
    path, headers = f"/api/messages/{first}/edit", {"Idempotency-Key": "once"}
    body = {"content": "hello there"}
    edits = await asyncio.gather(*(api.ok("POST", path, body, headers=headers) for _ in range(3)))
    assert len({edited["messageId"] for edited in edits}) == 1
    refused = await api.call("POST", path, {"content": "other"}, headers=headers)
    assert (refused.status, refused.body["code"]) == (409, "idempotency_key_reused")


async def test_the_files_of_then_come_back_once(api: Api) -> None:
    project = await api.project()
    first = await answered(api, await api.conversation(project), "write the file")
    path, headers = f"/api/messages/{first}/edit", {"Idempotency-Key": "once"}
    body = {"content": "hello", "restoreFiles": True}
    edited = await api.ok("POST", path, body, headers=headers)
    assert edited["restored"]["restored"] == ["made.txt"]
    assert (await api.ok("GET", f"/api/projects/{project}/files"))["files"] == []
    await api.until_final(edited["messageId"])
    again = await api.ok("POST", path, body, headers=headers)
    assert again == edited


async def test_what_the_edited_message_does_is_not_undone_by_the_same_key(api: Api) -> None:
    project = await api.project()
    first = await answered(api, await api.conversation(project), "hello")
    path, headers = f"/api/messages/{first}/edit", {"Idempotency-Key": "once"}
    body = {"content": "write the file", "restoreFiles": True}
    edited = await api.ok("POST", path, body, headers=headers)
    assert "restored" not in edited
    await api.until_final(edited["messageId"])
    assert await api.ok("POST", path, body, headers=headers) == edited
    assert await api.ok("GET", f"/api/projects/{project}/files/made.txt") == b"by me\n"


async def test_files_are_not_restored_under_an_answer_that_is_being_written(api: Api) -> None:
    conversation = await api.conversation()
    first = await answered(api, conversation, "write the file")
    running = await api.send(conversation, "answer slowly")
    body = {"content": "hello", "restoreFiles": True}
    refused = await api.call("POST", f"/api/messages/{first}/edit", body)
    assert (refused.status, refused.body["code"]) == (409, "message_in_progress")
    await api.ok("POST", "/api/messages/cancel", {"messageId": running["messageId"]})


async def test_what_is_no_message_of_the_person_is_not_edited(
    api: Api, new_person: NewPerson
) -> None:
    conversation = await api.conversation()
    sent = await api.send(conversation, "hello")
    await api.until_final(sent["messageId"])
    refused = await api.call("POST", f"/api/messages/{sent['messageId']}/edit", {"content": "x"})
    assert (refused.status, refused.body["code"]) == (409, "not_a_question")
    for body in ({}, {"content": " "}, {"content": "x" * 100_001}):
        refused = await api.call("POST", f"/api/messages/{sent['userMessageId']}/edit", body)
        assert (refused.status, refused.body["field"]) == (400, "content")
    stranger = await new_person()
    missing = await stranger.call(
        "POST",
        f"/api/messages/{sent['userMessageId']}/edit",
        {"content": "x", "restoreFiles": True},
    )
    assert missing.status == 404
