import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import NotFound, Refused
from core.ids import MessageId, OwnerId, RunId, ToolCallId
from core.usage import Usage
from store import Busy, GenerationClosed, Store
from store.records import (
    DeletedFile,
    MessageStatus,
    NewFolder,
    NewToolCall,
    RenamedFile,
    SentMessage,
    TurnPart,
    TurnRecord,
    WrittenFile,
)
from tests.store.conftest import Chat

CALL = ToolCallId("call-1")
TURN = TurnRecord(
    turn=0,
    parts=(
        TurnPart("thinking", text="hm", signature="proof"),
        TurnPart("text", text="Reading."),
        TurnPart("toolCall", tool_call_id=CALL),
    ),
    stop_reason="tool_calls",
    model="test/model",
    usage=Usage(input_tokens=7, output_tokens=3, cost_usd=0.001),
    dropped_calls=("editFile",),
)
NEW_CALL = NewToolCall(CALL, "readFile", '{"$ref": "ä"}')


async def test_an_answer_goes_from_turn_to_call_to_completed(store: Store, chat: Chat):
    lease = chat.lease
    assert (await store.generations.record_turn(lease, TURN, tool_calls=(NEW_CALL,))).is_new
    await store.generations.start_tool_call(lease, turn=0, tool_call_id=CALL)
    await store.generations.finish_tool_call(
        lease, turn=0, tool_call_id=CALL, output="the file", is_error=False
    )
    usage = Usage(input_tokens=9, output_tokens=4, cost_usd=0.002)
    message = await store.generations.complete(lease, text="Done.", model="test/model", usage=usage)
    assert (message.status, message.content) == (MessageStatus.COMPLETED, "Done.")
    assert (message.usage, message.model) == (usage, "test/model")
    assert await store.generations.complete(lease, text="Other.") == message
    assert await store.messages.owned(chat.message_id, owner=chat.owner) == message
    (call,) = await store.messages.tool_calls(chat.message_id, owner=chat.owner)
    assert (call.status, call.output, call.arguments_json) == (
        "completed",
        "the file",
        '{"$ref": "ä"}',
    )


async def test_a_later_attempt_finds_what_the_first_recorded(store: Store, chat: Chat):
    await store.generations.record_turn(chat.lease, TURN, tool_calls=(NEW_CALL,))
    lease = await store.generations.begin(chat.message_id, run_id=RunId("second"))
    context = await store.messages.context(chat.message_id, max_chars=100_000)
    assert context.turns == (TURN,)
    assert [(call.tool_call_id, call.status) for call in context.tool_calls] == [(CALL, "pending")]
    assert [entry.message.content for entry in context.history] == ["hello"]
    assert context.project.owner_id == chat.owner
    with pytest.raises(GenerationClosed):
        await store.generations.heartbeat(chat.lease)
    await store.generations.heartbeat(lease)
    assert not (await store.generations.record_turn(lease, TURN)).is_new


async def test_a_call_keeps_its_result_and_its_edits_together(store: Store, chat: Chat):
    project_id, owner = chat.project_id, chat.owner
    await store.files.write_many(project_id, {"old": b"1", "gone": b"2"}, owner=owner)
    await store.generations.record_turn(chat.lease, TURN, tool_calls=(NEW_CALL,))
    edits = (
        WrittenFile("new", b"3", ""),
        RenamedFile("old", "moved"),
        DeletedFile("gone"),
        NewFolder("empty/deep"),
    )
    for output, kept_before in (("first", False), ("second", True)):
        kept = await store.generations.finish_tool_call(
            chat.lease, turn=0, tool_call_id=CALL, output=output, is_error=False, edits=edits
        )
        assert (kept.output, kept.was_kept_before) == ("first", kept_before)
    page = await store.files.list(project_id, owner=owner)
    assert [(entry.path, entry.kind) for entry in page.items] == [
        ("empty", "folder"),
        ("empty/deep", "folder"),
        ("moved", "file"),
        ("new", "file"),
    ]


async def test_a_folder_is_not_made_where_a_file_stands(store: Store, chat: Chat):
    await store.files.write_many(chat.project_id, {"src": b"1"}, owner=chat.owner)
    await store.generations.record_turn(chat.lease, TURN, tool_calls=(NEW_CALL,))
    for path in ("src", "src/deep", "", "a/../b"):
        with pytest.raises(Refused):
            await store.generations.finish_tool_call(
                chat.lease,
                turn=0,
                tool_call_id=CALL,
                output="x",
                is_error=False,
                edits=(NewFolder("kept/by/nobody"), NewFolder(path)),
            )
    page = await store.files.list(chat.project_id, owner=chat.owner)
    assert [entry.path for entry in page.items] == ["src"]


async def test_edits_of_a_cancelled_answer_are_not_made(store: Store, chat: Chat):
    await store.generations.record_turn(chat.lease, TURN, tool_calls=(NEW_CALL,))
    cancelled = await store.messages.cancel(chat.message_id, owner=chat.owner)
    assert [event.name for event in cancelled.events] == ["message/cancelled"]
    with pytest.raises(GenerationClosed):
        await store.generations.finish_tool_call(
            chat.lease,
            turn=0,
            tool_call_id=CALL,
            output="x",
            is_error=False,
            edits=(WrittenFile("new", b"3", ""),),
        )
    assert (await store.files.list(chat.project_id, owner=chat.owner)).items == ()


async def test_a_failure_says_why_and_keeps_the_text(store: Store, chat: Chat):
    writer = store.deltas.open(chat.lease)
    await writer.text(0, "So far")
    await writer.flush()
    message = await store.generations.fail(
        chat.message_id, error="The model is down.", error_code="model_unavailable"
    )
    assert (message.status, message.content) == (MessageStatus.FAILED, "So far")
    assert (message.error, message.error_code) == ("The model is down.", "model_unavailable")
    sent = await store.messages.retry(chat.message_id, owner=chat.owner, policy="cancel")
    assert (sent.message_id, sent.event_id) == (chat.message_id, f"{chat.message_id}:1")
    again = await store.messages.owned(chat.message_id, owner=chat.owner)
    assert (again.status, again.content, again.error) == (MessageStatus.PROCESSING, "", None)
    lease = await store.generations.begin(chat.message_id, run_id=RunId("second"))
    assert (lease.next_seq, lease.last_part) == (2, 0)  # the retry has told readers to forget


async def test_of_many_messages_at_once_one_is_taken(store: Store, chat: Chat):
    await store.generations.complete(chat.lease, text="done")

    async def send(number: int) -> str:
        try:
            sent = await store.messages.send(
                chat.conversation_id, owner=chat.owner, content=f"m{number}", policy="reject"
            )
        except Busy as busy:
            return busy.message_id
        return sent.message_id

    answers = await asyncio.gather(*(send(number) for number in range(10)))
    assert len(set(answers)) == 1  # one was taken, and the others were told which
    page = await store.messages.list(chat.conversation_id, owner=chat.owner)
    assert [message.order for message in page.items] == [3, 2, 1, 0]


async def test_of_many_messages_with_one_key_one_is_written(store: Store, chat: Chat):
    async def send() -> SentMessage:
        return await store.messages.send(
            chat.conversation_id, owner=chat.owner, content="m", policy="queue", key="k"
        )

    answers = await asyncio.gather(*(send() for _ in range(10)))
    assert len({sent.message_id for sent in answers}) == 1
    assert sum(not sent.is_duplicate for sent in answers) == 1


async def test_cancelling_a_project_stops_every_answer_in_it(store: Store, chat: Chat):
    others = [
        await store.messages.send(
            chat.conversation_id, owner=chat.owner, content=f"m{i}", policy="queue"
        )
        for i in range(7)
    ]
    cancelled = await store.messages.cancel_project(chat.project_id, owner=chat.owner)
    assert set(cancelled.message_ids) == {chat.message_id, *(sent.message_id for sent in others)}
    assert len(cancelled.events) == 8
    again = await store.messages.cancel_project(chat.project_id, owner=chat.owner)
    assert (again.message_ids, again.events) == ((), ())


async def test_messages_come_newest_first_in_pages(store: Store, chat: Chat):
    for i in range(3):
        await store.messages.send(
            chat.conversation_id, owner=chat.owner, content=f"m{i}", policy="cancel"
        )
    orders: list[int] = []
    cursor: str | None = None
    while True:
        page = await store.messages.list(
            chat.conversation_id, owner=chat.owner, limit=3, cursor=cursor
        )
        orders.extend(message.order for message in page.items)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert orders == [7, 6, 5, 4, 3, 2, 1, 0]


async def test_silent_generations_are_found_until_they_end(store: Store, chat: Chat):
    async def stale(before: datetime) -> set[MessageId]:
        found = await store.generations.stale(before=before, limit=1000)
        return {generation.message_id for generation in found}

    generation = await store.generations.of(chat.message_id)
    assert generation is not None
    assert (generation.owner_id, generation.epoch) == (chat.owner, 1)
    later = generation.heartbeat_at + timedelta(milliseconds=1)
    assert chat.message_id in await stale(later)
    assert chat.message_id not in await stale(generation.heartbeat_at)
    await store.generations.complete(chat.lease, text="x")
    assert chat.message_id not in await stale(later)
    assert await store.generations.status_of(chat.message_id) == MessageStatus.COMPLETED


async def test_events_stay_in_the_outbox_until_acknowledged(store: Store, chat: Chat):
    event_id = (
        await store.messages.send(
            chat.conversation_id, owner=chat.owner, content="x", policy="queue"
        )
    ).event_id
    pending = {event.event_id for event in await store.outbox.pending(limit=500)}
    assert event_id not in pending  # the API is sending it just now
    await store.outbox.failed(event_id, error="engine away")
    await store.outbox.ack(event_id)
    await store.outbox.ack(event_id)


async def test_a_deleted_project_is_gone_with_its_messages(store: Store, chat: Chat):
    events = await store.projects.delete(chat.project_id, owner=chat.owner)
    assert [event.data["messageId"] for event in events] == [chat.message_id]
    with pytest.raises(NotFound):
        await store.projects.owned(chat.project_id, owner=chat.owner)
    with pytest.raises(NotFound):
        await store.messages.owned(chat.message_id, owner=chat.owner)
    with pytest.raises(NotFound):
        await store.messages.context(chat.message_id, max_chars=100_000)


async def test_a_stranger_finds_nothing(store: Store, chat: Chat):
    bob = OwnerId("bob")
    for attempt in (
        store.messages.owned(chat.message_id, owner=bob),
        store.messages.cancel(chat.message_id, owner=bob),
        store.messages.retry(chat.message_id, owner=bob, policy="cancel"),
        store.messages.list(chat.conversation_id, owner=bob),
        store.messages.deltas(chat.message_id, owner=bob),
        store.messages.tool_calls(chat.message_id, owner=bob),
        store.messages.cancel_project(chat.project_id, owner=bob),
        store.conversations.owned(chat.conversation_id, owner=bob),
        store.conversations.list(chat.project_id, owner=bob),
        store.projects.delete(chat.project_id, owner=bob),
        store.files.list(chat.project_id, owner=bob),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert (await store.projects.list(owner=bob)).items == ()


async def test_instants_are_aware_and_now(store: Store, owner: OwnerId):
    project = await store.projects.create(owner=owner, name="Now")
    assert project.created_at.tzinfo is not None
    assert project.created_at.astimezone(UTC).year >= 2025
