"""What the chat routes refuse: strangers, what is gone, parts and sizes that cannot be sent."""

from typing import Any

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import Api
from tests.support.chat import said, whole

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


async def test_a_new_chat_with_a_project_is_a_conversation_once(api: Api) -> None:
    project = await api.project()
    body = {"id": "page-made-1", "projectId": project, "messages": [said("write it")]}
    first = await whole(api, post=body)
    second = await whole(api, post={**body, "messages": [said("write more")]})
    places = [it.of("start")[0]["messageMetadata"]["conversationId"] for it in (first, second)]
    assert places[0] == places[1] != "page-made-1"
    path = f"/api/chat/page-made-1/stream?projectId={project}"
    assert (await api.call("GET", path)).status == 204


IMAGE: dict[str, Any] = {"type": "file", "mediaType": "image/png"}


UNSENDABLE: list[tuple[list[Any], str]] = [
    ([], "messages"),
    ([{"id": "m", "role": "user"}], "parts"),
    ([{"id": "m", "role": "robot", "parts": []}], "role"),
    ([{"id": "m", "role": "system", "parts": []}], "role user"),
    ([said(" ")], "no text"),
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


async def test_an_answer_to_what_was_not_asked_is_refused(api: Api) -> None:
    conversation_id = await api.conversation()
    done = await whole(api, post={"id": conversation_id, "messages": [said("write it")]})
    reply = {
        "type": "tool-writeFile",
        "toolCallId": "call",
        "state": "approval-responded",
        "approval": {"id": "never-asked", "approved": True},
    }
    message = {"id": done.of("start")[0]["messageId"], "role": "assistant", "parts": [reply]}
    body = {"id": conversation_id, "messages": [message]}
    assert (await api.call("POST", "/api/chat", body)).status == 404
