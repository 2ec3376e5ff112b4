"""What the chat routes refuse: strangers, what is gone, parts and sizes that cannot be sent."""

import json
from typing import Any

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import Api
from tests.support.chat import Reader, said

pytestmark = pytest.mark.timeout(120)


async def test_a_chat_of_a_stranger_is_not_there(new_person: NewPerson) -> None:
    owner, stranger = await new_person(), await new_person()
    conversation_id = await owner.conversation()
    body = {"id": conversation_id, "messages": [said("write it")]}
    for answer in (
        await stranger.call("POST", "/api/chat", body),
        await stranger.call("GET", f"/api/chat/{conversation_id}/stream"),
    ):
        assert (answer.status, answer.body["code"]) == (404, "not_found")
    in_project = {**body, "id": "mine", "projectId": await owner.project()}
    assert (await stranger.call("POST", "/api/chat", in_project)).status == 404


async def test_a_new_chat_with_a_project_is_a_conversation_once(api: Api, reader: Reader) -> None:
    project = await api.project()
    body = {"id": "page-made-1", "projectId": project, "messages": [said("write it")]}
    first = await reader.whole(post=body)
    second = await reader.whole(post={**body, "messages": [said("write more")]})
    places = [it.of("start")[0]["messageMetadata"]["conversationId"] for it in (first, second)]
    assert places[0] == places[1] != "page-made-1"
    path = f"/api/chat/page-made-1/stream?projectId={project}"
    assert (await api.call("GET", path)).status == 204


async def test_the_word_of_a_deleted_chat_begins_one_other(api: Api, reader: Reader) -> None:
    project = await api.project()

    async def place() -> str:
        body = {"id": "word", "projectId": project, "messages": [said("write it")]}
        stream = await reader.whole(post=body)
        return stream.of("start")[0]["messageMetadata"]["conversationId"]

    first = await place()
    await api.ok("DELETE", f"/api/conversations/{first}")
    resume = f"/api/chat/word/stream?projectId={project}"
    assert (await api.call("GET", resume)).status == 404
    second, third = await place(), await place()
    assert first != second == third
    assert (await api.call("GET", resume)).status == 204


IMAGE: dict[str, Any] = {"type": "file", "mediaType": "image/png"}


UNSENDABLE: list[tuple[list[Any], str]] = [
    ([], "messages"),
    ([{"id": "m", "role": "user"}], "parts"),
    ([{"id": "m", "role": "robot", "parts": []}], "role"),
    ([{"id": "m", "role": "system", "parts": []}], "role user"),
    ([said(" ")], "no text"),
    ([{"id": "m", "role": "user", "parts": []}], "no text"),
    ([{"id": "m", "role": "user", "parts": ["text"]}], "parts.0"),
    ([said("x", {"type": "of-tomorrow"})], "part 1"),
    ([said("x", {"type": "text"})], "part 1"),
    ([said("x", {"type": "file"})], "part 1"),
    ([said("x\0")], "stored"),
    ([said("x", {**IMAGE, "url": "data:image/png;base64,\ud800"})], "stored"),
    ([said("x", {"type": "source-url", "url": "https://a.example"})], "part 1"),
    ([said("x", {**IMAGE, "url": "https://a.example/a.png"})], "data: URL"),
    ([said("x", {**IMAGE, "url": "data:image/png;base64,!"})], "base64"),
    ([said("x", {"type": "data-file", "data": {"path": 3}})], "path"),
    ([said("x" * 200_001)], "longer than"),
    ([said("x", message_id="a b")], "needs an id"),
]


@pytest.mark.parametrize(("messages", "words"), UNSENDABLE)
async def test_what_cannot_be_sent_is_named(api: Api, messages: list[Any], words: str) -> None:
    body = {"id": await api.conversation(), "messages": messages}
    refused = await api.call("POST", "/api/chat", body)
    assert (refused.status, refused.body["code"]) == (400, "invalid_request")
    assert words in refused.body["error"]


@pytest.mark.parametrize("place", ["x", "1.0", "1.0~-1x", "1.0~999999-", "~0-"])
async def test_an_id_that_no_event_has_is_refused(api: Api, place: str) -> None:
    path = f"/api/chat/{await api.conversation()}/stream"
    refused = await api.call("GET", path, headers={"Last-Event-ID": place})
    assert (refused.status, refused.body["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("chars", "status", "words"),
    [(10_000_000, 400, "longer than"), (25_000_000, 413, "20")],
)
async def test_a_body_of_megabytes_is_refused(
    api: Api, chars: int, status: int, words: str
) -> None:
    body = {"id": await api.conversation(), "messages": [said("x" * chars)]}
    raw, kind = json.dumps(body).encode(), {"Content-Type": "application/json"}
    refused = await api.call("POST", "/api/chat", data=raw, headers=kind)
    assert refused.status == status
    assert words in refused.body["error"]


async def test_an_answer_without_parts_is_told_from_its_beginning(api: Api, reader: Reader) -> None:
    conversation_id = await api.conversation()
    done = await reader.whole(post={"id": conversation_id, "messages": [said("write it")]})
    message_id = done.of("start")[0]["messageId"]
    bare: dict[str, Any] = {"id": message_id, "role": "assistant", "parts": []}
    again = await reader.whole(post={"id": conversation_id, "messages": [bare]})
    one, other = await reader.messages([done, again])
    assert one == other
    odd = [{"type": "of-tomorrow"}, {}, {"type": 3}, {"type": "tool-x", "toolCallId": 3}]
    body = {"id": conversation_id, "messages": [{**bare, "parts": odd}]}
    assert (await reader.messages([await reader.whole(post=body)])) == [one]


@pytest.mark.parametrize("message_id", ["", "never-there", "\u00e9"])
async def test_an_answer_that_is_not_there_is_not_found(api: Api, message_id: str) -> None:
    message: dict[str, Any] = {"id": message_id, "role": "assistant", "parts": []}
    body = {"id": await api.conversation(), "messages": [message]}
    refused = await api.call("POST", "/api/chat", body)
    assert (refused.status, refused.body["code"]) == (404, "not_found")


async def test_an_answer_to_what_was_not_asked_is_refused(api: Api, reader: Reader) -> None:
    conversation_id = await api.conversation()
    done = await reader.whole(post={"id": conversation_id, "messages": [said("write it")]})
    reply = {
        "type": "tool-writeFile",
        "toolCallId": "call",
        "state": "approval-responded",
        "approval": {"id": "never-asked", "approved": True},
    }
    message = {"id": done.of("start")[0]["messageId"], "role": "assistant", "parts": [reply]}
    body = {"id": conversation_id, "messages": [message]}
    assert (await api.call("POST", "/api/chat", body)).status == 404
