"""Streams that are resumed: at any place, by two pages, after the chat is gone."""

import asyncio
from typing import Any

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import Api
from tests.support.chat import Reader, Stream, said, until

pytestmark = pytest.mark.timeout(120)

ALL = {"tool": "writeFile", "pattern": "*", "policy": "ask"}
MOST_CONNECTIONS = 300


async def test_to_leave_cancels_nothing_and_two_pages_resume_all_of_it(
    api: Api, reader: Reader
) -> None:
    conversation_id = await api.conversation()
    left = Stream()
    body = {"id": conversation_id, "messages": [said("slowly")]}
    async with reader.reading(left, post=body) as chunks:
        await until(chunks, "text-delta")
    message_id = left.of("start")[0]["messageId"]
    resumed = await asyncio.gather(*(reader.whole(resume=conversation_id) for _ in range(2)))
    stored = await api.message(message_id)
    for stream in resumed:
        assert stream.of("start")[0]["messageId"] == message_id
        assert stream.joined("text-delta") == stored["content"] != ""
    one, other = await reader.messages(resumed)
    assert one == other
    nothing = await api.call("GET", f"/api/chat/{conversation_id}/stream")
    assert (nothing.status, nothing.body) == (204, b"")


async def test_who_resumes_by_the_id_of_an_event_goes_on_without_a_gap(
    api: Api, reader: Reader
) -> None:
    conversation_id = await api.conversation()
    stream = Stream()
    how: dict[str, Any] = {"post": {"id": conversation_id, "messages": [said("slowly")]}}
    connections = 0
    while not stream.is_done:
        async with reader.reading(stream, **how) as chunks:
            connections += 1
            count = 0
            async for _ in chunks:
                count += 1
                if count > 30 and connections < 6:
                    break
        how = {"resume": conversation_id}
    assert connections == 6
    stored = await api.message(stream.of("start")[0]["messageId"])
    assert stream.joined("text-delta") == stored["content"]
    assert stream.types.count("text-start") == stream.types.count("text-end") == 1
    assert stream.types.count("start-step") == stream.types.count("finish") == 1
    assert "reset-step" not in stream.types


async def test_who_leaves_all_the_time_has_the_parts_of_who_stays(api: Api, reader: Reader) -> None:
    conversation_id = await api.conversation()
    body = {"id": conversation_id, "messages": [said("ponder and make two")]}
    left, stayed = Stream(), Stream()
    async with reader.reading(stayed, post=body) as rest, asyncio.TaskGroup() as group:
        await until(rest, "start")

        async def leaves_all_the_time() -> None:
            connections = 0
            while "finish" not in left.types:
                assert (connections := connections + 1) < MOST_CONNECTIONS
                at = len(left.ids)
                async with reader.reading(left, resume=conversation_id) as chunks:
                    async for _ in chunks:
                        if len(left.ids) > at + 1:  # `start`, and one more
                            break

        group.create_task(leaves_all_the_time())
        async for _ in rest:
            pass
    one, other = await reader.messages([stayed, left])
    assert [part["type"] for part in one["parts"]] == EXPECTED
    assert other == one


async def test_wherever_a_reader_was_they_come_to_the_same_parts(api: Api, reader: Reader) -> None:
    conversation_id = await api.conversation()
    body = {"id": conversation_id, "messages": [said("ponder and make two")]}
    stayed = await reader.whole(post=body)
    left = [stayed.until(index) for index in range(len(stayed.ids) - 1)]
    for stream in left:
        await reader.whole(stream, resume=conversation_id)
    expected, *found = await reader.messages([stayed, *left])
    assert [part["type"] for part in expected["parts"]] == EXPECTED
    for message in found:
        assert message == expected


EXPECTED = [
    "step-start",
    "reasoning",
    "text",
    "tool-writeFile",
    "tool-writeFile",
    "step-start",
    "text",
    "data-usage",
]


async def test_a_reader_of_a_deleted_chat_is_told_so_and_it_is_not_found(
    api: Api, reader: Reader
) -> None:
    conversation_id = await api.conversation()
    first, resumed = Stream(), Stream()
    body = {"id": conversation_id, "messages": [said("slowly")]}
    async with (
        reader.reading(first, post=body) as chunks,
        reader.reading(resumed, resume=conversation_id) as same,
    ):
        await until(chunks, "text-delta")
        await until(same, "text-delta")
        await api.ok("DELETE", f"/api/conversations/{conversation_id}")
        for stream in (chunks, same):
            gone = await until(stream, "error")
            assert gone["errorText"] == "The conversation was deleted."
    path = f"/api/chat/{conversation_id}/stream"
    for headers in ({}, {"Last-Event-ID": first.last_id}):
        assert (await api.call("GET", path, headers=headers)).status == 404
    again = {**body, "messages": [said("slowly")]}
    assert (await api.call("POST", "/api/chat", again)).status == 404


async def test_the_id_of_an_event_opens_no_chat_of_a_stranger(
    new_person: NewPerson, api: Api, reader: Reader
) -> None:
    conversation_id = await api.conversation()
    done = await reader.whole(post={"id": conversation_id, "messages": [said("write it")]})
    stranger = await new_person()
    headers = {"Last-Event-ID": done.last_id}
    path = f"/api/chat/{conversation_id}/stream"
    assert (await stranger.call("GET", path, headers=headers)).status == 404
    theirs = f"/api/chat/{await stranger.conversation()}/stream"
    assert (await stranger.call("GET", theirs, headers=headers)).status == 204


async def test_who_comes_back_to_an_approval_is_asked_again(api: Api, reader: Reader) -> None:
    project = await api.project()
    await api.ok("PATCH", f"/api/projects/{project}/settings", {"approvals": [ALL]})
    conversation_id = await api.conversation(project)
    body = {"id": conversation_id, "messages": [said("ponder and make two")]}
    asked = await reader.whole(post=body)
    assert asked.chunks[-1] == {"type": "finish", "finishReason": "tool-calls"}
    left = asked.until(len(asked.ids) // 2)
    await reader.whole(left, resume=conversation_id)
    fresh = await reader.whole(resume=conversation_id)
    expected, *found = await reader.messages([asked, left, fresh])
    assert [part["type"] for part in expected["parts"]] == EXPECTED[
        :4
    ]  # the other writes the same file
    assert expected["parts"][-1]["state"] == "approval-requested"
    for message in found:
        assert message == expected
