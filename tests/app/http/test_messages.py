"""Messages over HTTP: sent, followed, cancelled, retried; and all that can be wrong with them."""

import asyncio

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import Api

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product


async def test_a_message_is_answered(api: Api) -> None:
    sent = await api.send(await api.conversation(), "hello")
    assert sent["success"] is True
    assert sent["eventId"]
    assert sent["runId"]
    answer = await api.until_final(sent["messageId"])
    assert answer["status"] == "completed"
    assert answer["content"] == "Done as you asked."
    assert answer["runId"] == sent["runId"]
    assert answer["model"]
    assert answer["usage"]["costUsd"] > 0


async def test_the_conversation_holds_both_messages_oldest_first(api: Api) -> None:
    conversation = await api.conversation()
    sent = await api.send(conversation, "hello")
    await api.until_final(sent["messageId"])
    listed = (await api.ok("GET", f"/api/conversations/{conversation}/messages"))["messages"]
    assert [(entry["role"], entry["content"]) for entry in listed] == [
        ("user", "hello"),
        ("assistant", "Done as you asked."),
    ]
    assert "status" not in listed[0]
    assert listed[0]["_id"] == listed[0]["messageId"] == sent["userMessageId"]


async def test_pages_of_messages_lead_to_older_ones(api: Api) -> None:
    conversation = await api.conversation()
    for number in range(3):
        sent = await api.send(conversation, f"number {number}")
        await api.until_final(sent["messageId"])
    path = f"/api/conversations/{conversation}/messages?limit=4"
    newest = await api.ok("GET", path)
    older = await api.ok("GET", f"{path}&cursor={newest['nextCursor']}")
    texts = [entry["content"] for entry in older["messages"] + newest["messages"]]
    assert texts[::2] == ["number 0", "number 1", "number 2"]
    assert "nextCursor" not in older


async def test_a_tool_call_changes_the_project_and_is_recorded(api: Api) -> None:
    project = await api.project()
    sent = await api.send(await api.conversation(project), "write the file")
    answer = await api.until_final(sent["messageId"])
    (call,) = answer["toolCalls"]
    assert (call["name"], call["status"]) == ("writeFile", "completed")
    assert '"made.txt"' in call["args"]
    assert call["result"]
    assert await api.ok("GET", f"/api/projects/{project}/files/made.txt") == b"by me\n"


async def test_a_failure_says_why_in_words_and_can_be_retried(api: Api) -> None:
    sent = await api.send(await api.conversation(), "use the bad key")
    failed = await api.until_final(sent["messageId"])
    assert failed["status"] == "failed"
    assert "key" in failed["error"]
    again = await api.ok("POST", f"/api/messages/{sent['messageId']}/retry")
    assert again["messageId"] == sent["messageId"]
    assert again["eventId"] != sent["eventId"]
    assert (await api.until_final(sent["messageId"]))["status"] == "failed"


async def test_a_completed_message_is_not_retried(api: Api) -> None:
    sent = await api.send(await api.conversation(), "hello")
    await api.until_final(sent["messageId"])
    refused = await api.call("POST", f"/api/messages/{sent['messageId']}/retry")
    assert refused.status == 409
    refused = await api.call("POST", f"/api/messages/{sent['userMessageId']}/retry")
    assert refused.status == 409


@pytest.mark.parametrize("by", ["messageId", "projectId", "delete"])
async def test_a_running_answer_is_cancelled_and_keeps_its_text(api: Api, by: str) -> None:
    project = await api.project()
    sent = await api.send(await api.conversation(project), "answer slowly")
    message_id = sent["messageId"]
    so_far = await api.until_streaming(message_id)
    if by == "delete":
        answer = await api.ok("DELETE", "/api/messages", {"messageId": message_id})
        assert answer == {"success": True}
    else:
        body = {"messageId": message_id} if by == "messageId" else {"projectId": project}
        answer = await api.ok("POST", "/api/messages/cancel", body)
        assert answer == {"success": True, "cancelled": True, "messageIds": [message_id]}
    cancelled = await api.message(message_id)
    assert cancelled["status"] == "cancelled"
    assert cancelled["content"].startswith(so_far)
    assert len(cancelled["content"]) < 8000


async def test_nothing_is_written_after_a_cancel(api: Api) -> None:
    conversation = await api.conversation()
    sent = await api.send(conversation, "answer slowly")
    await api.until_streaming(sent["messageId"])
    await api.ok("POST", "/api/messages/cancel", {"messageId": sent["messageId"]})
    at_once = await api.message(sent["messageId"])
    # A whole later exchange in the same conversation: whatever the first run still did is done.
    later = await api.send(conversation, "hello")
    assert (await api.until_final(later["messageId"]))["status"] == "completed"
    assert await api.message(sent["messageId"]) == at_once


async def test_cancelling_what_has_ended_changes_nothing(api: Api) -> None:
    project = await api.project()
    sent = await api.send(await api.conversation(project), "hello")
    before = await api.until_final(sent["messageId"])
    for body in ({"messageId": sent["messageId"]}, {"projectId": project}):
        answer = await api.ok("POST", "/api/messages/cancel", body)
        assert answer == {"success": True, "cancelled": False}
    assert await api.ok("DELETE", "/api/messages", {"messageId": sent["messageId"]}) == {
        "success": True
    }
    assert await api.message(sent["messageId"]) == before


async def test_a_cancel_before_the_job_began_wins(api: Api) -> None:
    sent = await api.send(await api.conversation(), "answer slowly")
    await api.ok("POST", "/api/messages/cancel", {"messageId": sent["messageId"]})
    assert (await api.message(sent["messageId"]))["status"] == "cancelled"


async def test_a_cancelled_message_stays_cancelled(api: Api) -> None:
    sent = await api.send(await api.conversation(), "answer slowly")
    await api.ok("POST", "/api/messages/cancel", {"messageId": sent["messageId"]})
    refused = await api.call("POST", f"/api/messages/{sent['messageId']}/retry")
    assert refused.status == 409
    assert (await api.message(sent["messageId"]))["status"] == "cancelled"


async def test_policy_cancel_lets_a_new_message_end_the_running_one(api: Api) -> None:
    conversation = await api.conversation()
    first = await api.send(conversation, "answer slowly")
    await api.until_streaming(first["messageId"])
    second = await api.send(conversation, "hello")
    assert (await api.message(first["messageId"]))["status"] == "cancelled"
    assert (await api.until_final(second["messageId"]))["status"] == "completed"


async def test_policy_reject_refuses_a_new_message_while_one_runs(new_person: NewPerson) -> None:
    api = await new_person("reject")
    conversation = await api.conversation()
    first = await api.send(conversation, "answer slowly")
    refused = await api.call(
        "POST", "/api/messages", {"conversationId": conversation, "message": "hello"}
    )
    assert refused.status == 409
    assert refused.body == {
        "error": "A message is already being processed",
        "code": "message_in_progress",
        "messageId": first["messageId"],
    }
    await api.ok("POST", "/api/messages/cancel", {"messageId": first["messageId"]})
    assert await api.send(conversation, "hello")


async def test_policy_queue_answers_in_order(new_person: NewPerson) -> None:
    api = await new_person("queue")
    conversation = await api.conversation()
    first = await api.send(conversation, "answer slowly")
    second = await api.send(conversation, "hello")
    await api.until_streaming(first["messageId"])
    assert (await api.message(second["messageId"]))["status"] == "processing"
    await api.ok("POST", "/api/messages/cancel", {"messageId": first["messageId"]})
    assert (await api.until_final(second["messageId"]))["status"] == "completed"


async def test_two_messages_at_once_leave_one_running(api: Api) -> None:
    conversation = await api.conversation()
    sent = await asyncio.gather(*(api.send(conversation, "answer slowly") for _ in range(2)))
    states = {(await api.message(one["messageId"]))["status"] for one in sent}
    assert states == {"processing", "cancelled"}
    for one in sent:
        await api.ok("POST", "/api/messages/cancel", {"messageId": one["messageId"]})


async def test_two_messages_at_once_are_not_both_accepted_under_reject(
    new_person: NewPerson,
) -> None:
    api = await new_person("reject")
    body = {"conversationId": await api.conversation(), "message": "answer slowly"}
    answers = await asyncio.gather(*(api.call("POST", "/api/messages", body) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
    (accepted,) = [answer.body for answer in answers if answer.status == 200]
    await api.ok("POST", "/api/messages/cancel", {"messageId": accepted["messageId"]})


async def test_the_same_idempotency_key_sends_once(api: Api) -> None:
    conversation = await api.conversation()
    body = {"conversationId": conversation, "message": "hello"}
    headers = {"Idempotency-Key": "attempt-1"}
    answers = await asyncio.gather(
        *(api.ok("POST", "/api/messages", body, headers=headers) for _ in range(3))
    )
    assert len({answer["messageId"] for answer in answers}) == 1
    await api.until_final(answers[0]["messageId"])
    later = await api.ok("POST", "/api/messages", body, headers=headers)
    assert later == answers[0]
    listed = await api.ok("GET", f"/api/conversations/{conversation}/messages")
    assert len(listed["messages"]) == 2


async def test_an_idempotency_key_is_not_for_another_text(api: Api) -> None:
    conversation = await api.conversation()
    headers = {"Idempotency-Key": "attempt-1"}
    body = {"conversationId": conversation, "message": "hello"}
    await api.ok("POST", "/api/messages", body, headers=headers)
    body["message"] = "something else"
    refused = await api.call("POST", "/api/messages", body, headers=headers)
    assert refused.status == 409


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
async def test_an_empty_message_is_refused(api: Api, text: str) -> None:
    body = {"conversationId": await api.conversation(), "message": text}
    refused = await api.call("POST", "/api/messages", body)
    assert (refused.status, refused.body["field"]) == (400, "message")


async def test_a_message_of_100k_characters_is_taken_and_one_more_is_not(api: Api) -> None:
    conversation = await api.conversation()
    sent = await api.send(conversation, "é" * 100_000)
    assert (await api.until_final(sent["messageId"]))["status"] == "completed"
    body = {"conversationId": conversation, "message": "x" * 100_001}
    refused = await api.call("POST", "/api/messages", body)
    assert (refused.status, refused.body["field"]) == (400, "message")


async def test_text_that_is_no_unicode_is_refused(api: Api) -> None:
    conversation = await api.conversation()
    data = b'{"conversationId": "%s", "message": "a\\ud800b"}' % conversation.encode()
    headers = {"Content-Type": "application/json"}
    refused = await api.call("POST", "/api/messages", data=data, headers=headers)
    assert refused.status == 400


CANCEL_BODIES = [{}, {"projectId": "a", "messageId": "b"}, {"projectId": ""}, {"id": "a"}]


@pytest.mark.parametrize("body", CANCEL_BODIES, ids=str)
async def test_a_cancel_names_exactly_one_thing(api: Api, body: dict[str, str]) -> None:
    refused = await api.call("POST", "/api/messages/cancel", body)
    assert refused.status == 400


async def test_unknown_and_strangers_messages_cannot_be_told_apart(new_person: NewPerson) -> None:
    owner, stranger = await new_person(), await new_person()
    project = await owner.project()
    conversation = await owner.conversation(project)
    sent = await owner.send(conversation, "answer slowly")
    message_id = sent["messageId"]
    requests = [
        ("POST", "/api/messages", {"conversationId": "{}", "message": "hello"}),
        ("POST", "/api/messages/cancel", {"messageId": "{}"}),
        ("POST", "/api/messages/cancel", {"projectId": "{}"}),
        ("DELETE", "/api/messages", {"messageId": "{}"}),
        ("GET", "/api/messages/{}", None),
        ("GET", "/api/messages/{}/deltas", None),
        ("POST", "/api/messages/{}/retry", None),
        ("GET", "/api/conversations/{}", None),
        ("GET", "/api/conversations/{}/messages", None),
    ]
    ids = {"conversationId": conversation, "projectId": project, "messageId": message_id}
    for method, path, body in requests:
        field = next((name for name in ids if body and body.get(name) == "{}"), None)
        mine = ids[field or ("messageId" if "messages/{}" in path else "conversationId")]
        answers = [
            await stranger.call(
                method,
                path.format(given),
                body and {name: value.format(given) for name, value in body.items()},
            )
            for given in (mine, "k1700000000000000000000000000000", "no-id", "x" * 60)
        ]
        assert {answer.status for answer in answers} == {404}, (method, path, answers)
        assert len({str(answer.body) for answer in answers}) == 1, (method, path, answers)
    assert (await owner.message(message_id))["status"] == "processing"
    await owner.ok("POST", "/api/messages/cancel", {"messageId": message_id})
