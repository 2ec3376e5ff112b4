"""A conversation followed by Server-Sent Events: without a gap, from any place, by many."""

import asyncio

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import Api
from tests.support.following import Page, following, until

pytestmark = pytest.mark.timeout(120)


async def whole(api: Api, message_id: str) -> str:
    return (await api.message(message_id))["content"]


async def test_an_answer_comes_as_it_is_said_and_is_the_stored_one(api: Api) -> None:
    conversation_id = await api.conversation()
    page = Page()
    async with following(api, conversation_id, page) as names:
        sent = await api.send(conversation_id, "slowly")
        await until(names, "end")
    assert [message["role"] for message in page.messages] == ["user", "assistant"]
    assert page.ended is not None
    assert page.ended["messageId"] == sent["messageId"]
    assert page.ended["status"] == "completed"
    assert page.text == await whole(api, sent["messageId"])
    assert "reset" not in page.names
    assert page.names.count("text") > 50
    assert page.bytes < 4 * len(page.text)


async def test_who_comes_back_goes_on_where_it_was(api: Api) -> None:
    conversation_id = await api.conversation()
    sent = await api.send(conversation_id, "slowly")
    page = Page()
    after: str | None = "0"
    lengths: list[int] = []
    while page.ended is None:
        async with following(api, conversation_id, page, after=after) as names:
            count = 0
            async for name in names:
                count += 1
                if name == "end" or count > 30:
                    break
        after = page.last_id
        lengths.append(len(page.text))
    assert len(lengths) > 3
    assert page.names.count("resume") == len(lengths) - 1
    assert "reset" not in page.names
    assert page.text == await whole(api, sent["messageId"])


async def test_to_leave_cancels_nothing(api: Api) -> None:
    conversation_id = await api.conversation()
    sent = await api.send(conversation_id, "slowly")
    async with following(api, conversation_id, Page(), after="0") as names:
        await until(names, "")
    page = Page()
    async with following(api, conversation_id, page) as names:
        await until(names, "end")
    assert page.text == await whole(api, sent["messageId"]) != ""


async def test_a_cancelled_answer_ends_with_what_is_stored(api: Api) -> None:
    conversation_id = await api.conversation()
    page = Page()
    sent = await api.send(conversation_id, "slowly")
    async with following(api, conversation_id, page) as names:
        await until(names, "")
        await api.ok("DELETE", "/api/messages", {"messageId": sent["messageId"]})
        await until(names, "end")
    assert page.ended is not None
    assert page.ended["status"] == "cancelled"
    assert page.text == await whole(api, sent["messageId"])


async def test_all_of_it_and_what_comes(api: Api) -> None:
    conversation_id = await api.conversation()
    first = await api.send(conversation_id, "one")
    page = Page()
    async with following(api, conversation_id, page, after="0") as names:
        await until(names, "end", "message")
        while len(page.messages) < 2:
            await until(names, "message", "end")
        while page.text != "Done as you asked.":
            await until(names, "", "message", "end")
        await api.send(conversation_id, "write it")
        await until(names, "message")
        await until(names, "end")
    assert page.messages[1]["messageId"] == first["messageId"]
    assert {"toolCall", "toolInput"} <= set(page.names)


async def test_a_deleted_conversation_says_so_and_ends(api: Api) -> None:
    conversation_id = await api.conversation()
    await api.send(conversation_id, "slowly")
    page = Page()
    async with following(api, conversation_id, page) as names:
        await until(names, "")
        await api.ok("DELETE", f"/api/conversations/{conversation_id}")
        await until(names, "clear")
        assert [name async for name in names] == []
    path = f"/api/conversations/{conversation_id}/events"
    assert (await api.call("GET", path)).status == 404


async def test_a_stranger_and_a_cursor_that_is_none_are_refused(
    api: Api, new_person: NewPerson
) -> None:
    conversation_id = await api.conversation()
    path = f"/api/conversations/{conversation_id}/events"
    stranger = await new_person()
    assert (await stranger.call("GET", path)).status == 404
    for after in ("-1", "x", "1.2.3", "9" * 40, "1.1.1.1.1"):
        answer = await api.call("GET", f"{path}?after={after}")
        assert (answer.status, answer.body["code"]) == (400, "invalid_request"), after


async def test_a_place_that_never_was_is_made_good(api: Api) -> None:
    conversation_id = await api.conversation()
    sent = await api.send(conversation_id, "slowly")
    await api.until_streaming(sent["messageId"])
    for after in ("1.7.3.4", "1.1.99999.3", "1.0.99999.0", "1.1.0.99999"):
        page = Page(text="what was never said")
        async with following(api, conversation_id, page, after=after) as names:
            await until(names, "reset", "resume")
            await until(names, "", "end")
        assert "All work".startswith(page.text[:8])


async def test_many_readers_cost_little_and_all_see_the_same(api: Api) -> None:
    conversation_id = await api.conversation()
    pages = [Page() for _ in range(30)]
    sent = None

    async def read(page: Page, is_ready: asyncio.Event) -> None:
        async with following(api, conversation_id, page) as names:
            is_ready.set()
            await until(names, "end")

    async with asyncio.TaskGroup() as tasks:
        ready = [asyncio.Event() for _ in pages]
        for page, event in zip(pages, ready, strict=True):
            tasks.create_task(read(page, event))
        for event in ready:
            await event.wait()
        sent = await api.send(conversation_id, "slowly")
    stored = await whole(api, sent["messageId"])
    assert {page.text for page in pages} == {stored}
