import asyncio
import json
import random
from dataclasses import replace
from typing import cast

import pytest

from core.ids import RunId
from core.usage import Usage
from store import DeltaLimits, DeltaWriter, GenerationClosed, Store, StoreUnavailable
from store.errors import StoreFault
from store.records import DeltaRun, MessageStatus, TurnPart, TurnRecord
from tests.store.conftest import QUICK, Chat, answer_in
from tests.store.proxy import Fault, FaultyProxy
from tests.support.store import KEY

TURN = TurnRecord(
    turn=0,
    parts=(TurnPart("text", text="first rest"),),
    stop_reason="end",
    model="test/model",
    usage=Usage(),
)


async def _read(store: Store, chat: Chat) -> str:
    """The text as a viewer puts it together from the deltas."""
    parts: dict[int, str] = {}
    cursor, has_more = 0, True
    while has_more:
        page = await store.messages.deltas(chat.message_id, owner=chat.owner, start=cursor)
        for run in page.runs:
            if run.kind == "reset":
                parts = {part: text for part, text in parts.items() if part < run.part}
            elif run.kind == "text":
                parts[run.part] = parts.get(run.part, "") + run.text
        cursor, has_more = page.next, page.has_more
    return "".join(text for _, text in sorted(parts.items()))


def _entries(proxy: FaultyProxy) -> list[int]:
    """How many deltas each append request carried."""
    calls = [json.loads(body) for body in proxy.bodies]
    return [len(c["args"]["batch"]) for c in calls if c["path"] == "system/streaming:append"]


async def test_the_first_delta_goes_at_once_and_the_rest_in_few_requests(
    shaky: Store, proxy: FaultyProxy, chat: Chat
):
    writer = shaky.deltas.open(chat.lease)
    for i in range(200):
        await writer.text(0, f"{i} ")
    await writer.flush()
    assert len(_entries(proxy)) <= 3
    assert await _read(shaky, chat) == "".join(f"{i} " for i in range(200))


async def test_parts_and_kinds_keep_their_order(store: Store, chat: Chat):
    writer = store.deltas.open(chat.lease)
    await writer.thinking(0, "hm")
    await writer.text(0, "one")
    await writer.text(1, "two")
    await writer.text(1, "!")
    await writer.flush()
    page = await store.messages.deltas(chat.message_id, owner=chat.owner)
    assert page.runs == (
        DeltaRun(0, "thinking", "hm"),
        DeltaRun(0, "text", "one"),
        DeltaRun(1, "text", "two!"),
    )
    assert page.status == MessageStatus.PROCESSING


async def test_a_flush_waits_until_everything_is_readable(store: Store, chat: Chat):
    writer = store.deltas.open(chat.lease)
    for i in range(20):
        await writer.text(0, str(i))
        await writer.flush()
        assert await _read(store, chat) == "".join(str(n) for n in range(i + 1))
    await writer.flush()


async def test_a_reset_is_written_only_where_there_is_something_to_forget(store: Store, chat: Chat):
    first = store.deltas.open(chat.lease)
    await first.reset(0)
    await first.flush()
    assert (await store.messages.deltas(chat.message_id, owner=chat.owner)).next == 0
    await first.text(0, "kept. ")
    await first.text(1, "lost")
    await first.flush()
    lease = await store.generations.begin(chat.message_id, run_id=RunId("second"))
    second = store.deltas.open(lease)
    await second.reset(1)
    await second.reset(2)
    await second.text(1, "said anew")
    await second.flush()
    assert await _read(store, chat) == "kept. said anew"
    assert (await store.messages.deltas(chat.message_id, owner=chat.owner)).next == 4
    cancelled = await store.messages.cancel(chat.message_id, owner=chat.owner)
    assert cancelled.message_ids == (chat.message_id,)
    message = await store.messages.owned(chat.message_id, owner=chat.owner)
    assert message.content == "kept. said anew"


async def test_a_cancelled_message_refuses_its_writer_and_tells_it(store: Store, chat: Chat):
    writer = store.deltas.open(chat.lease)
    await writer.text(0, "before")
    await writer.flush()
    await store.messages.cancel(chat.message_id, owner=chat.owner)
    await writer.text(0, "after")
    async with asyncio.timeout(5):
        await writer.refused.wait()
    with pytest.raises(GenerationClosed):
        await writer.text(0, "more")
    with pytest.raises(GenerationClosed):
        await writer.flush()
    message = await store.messages.owned(chat.message_id, owner=chat.owner)
    assert (message.status, message.content) == (MessageStatus.CANCELLED, "before")


async def test_one_refused_writer_does_not_disturb_another(store: Store, chat: Chat):
    other = await answer_in(store, chat.owner, chat.project_id, chat.conversation_id)
    refused, fine = store.deltas.open(chat.lease), store.deltas.open(other.lease)
    await refused.text(0, "a")
    await fine.text(0, "b")
    await asyncio.gather(refused.flush(), fine.flush())
    await store.messages.cancel(chat.message_id, owner=chat.owner)
    await refused.text(0, "a")
    await fine.text(0, "b")
    await fine.flush()
    assert await _read(store, other) == "bb"


async def test_nothing_is_lost_or_doubled_while_requests_fail(
    shaky: Store, proxy: FaultyProxy, chat: Chat
):
    writer = shaky.deltas.open(chat.lease)
    faults = [Fault.LOST_ANSWER, Fault.DROPPED, Fault.UNAVAILABLE, Fault.LOST_ANSWER]
    said = ""
    for i in range(40):
        if i % 4 == 0:
            proxy.faults.append(faults[i // 4 % len(faults)])
        piece = f"[{i}]"
        said += piece
        await writer.text(i // 10, piece)
        if i % 5 == 0:
            await writer.flush()
    await writer.flush()
    assert await _read(shaky, chat) == said


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_the_readers_text_is_the_last_attempts(
    shaky: Store, proxy: FaultyProxy, chat: Chat, seed: int
):
    """Random pieces, resets, flushes, takeovers and faults, against a plain model of the text."""
    chance = random.Random(seed)  # noqa: S311 - a seed that can be repeated
    faults = list(Fault)
    faults.remove(Fault.DENIED)
    parts: dict[int, str] = {}
    lease, part = chat.lease, 0
    writer = shaky.deltas.open(lease)
    for step in range(80):
        match chance.choice(["say"] * 8 + ["turn", "reset", "flush", "fault", "crash"]):
            case "say":
                piece = f"<{step}>"
                parts[part] = parts.get(part, "") + piece
                await writer.text(part, piece)
            case "turn":
                part += 1
            case "flush":
                await writer.flush()
            case "fault":
                proxy.faults.append(chance.choice(faults))
            case "reset":
                parts = {known: text for known, text in parts.items() if known < part}
                await writer.reset(part)
            case _:  # the process dies after a flush; another begins at an earlier turn
                await writer.flush()
                lease = await shaky.generations.begin(chat.message_id, run_id=RunId(f"r{step}"))
                writer = shaky.deltas.open(lease)
                part = chance.randint(0, part)
                parts = {known: text for known, text in parts.items() if known < part}
                await writer.reset(part)
    await writer.flush()
    proxy.faults.clear()
    expected = "".join(text for _, text in sorted(parts.items()))
    assert await _read(shaky, chat) == expected
    await shaky.messages.cancel(chat.message_id, owner=chat.owner)
    message = await shaky.messages.owned(chat.message_id, owner=chat.owner)
    assert message.content == expected


@pytest.mark.timeout(30)
async def test_nothing_is_lost_while_convex_is_away(proxy: FaultyProxy, chat: Chat):
    limits = DeltaLimits(interval_s=0.02)
    async with Store(proxy.url, internal_key=KEY, limits=QUICK, delta_limits=limits) as store:
        writer = store.deltas.open(chat.lease)
        await writer.text(0, "start ")
        await writer.flush()
        proxy.is_down = True
        said = "start "
        for i in range(100):
            await writer.text(0, f"{i} ")
            said += f"{i} "
        await proxy.refused(5)  # it keeps trying
        proxy.is_down = False
        await writer.flush()
        assert await _read(store, chat) == said


async def test_a_writer_gives_up_when_convex_stays_away(proxy: FaultyProxy, chat: Chat):
    limits = DeltaLimits(interval_s=0.01, deadline_s=0.3, close_s=0.2)
    async with Store(proxy.url, internal_key=KEY, limits=QUICK, delta_limits=limits) as store:
        proxy.is_down = True
        writer = store.deltas.open(chat.lease)
        await writer.text(0, "unheard")
        with pytest.raises(StoreUnavailable):
            await writer.flush()
        assert not writer.refused.is_set()
        with pytest.raises(StoreUnavailable):
            await writer.text(0, "more")


async def test_the_stream_is_held_back_when_too_much_is_unsaved(proxy: FaultyProxy, chat: Chat):
    limits = DeltaLimits(interval_s=0.01, unsaved_chars=1_000)
    async with Store(proxy.url, internal_key=KEY, limits=QUICK, delta_limits=limits) as store:
        proxy.gate.clear()
        writer = store.deltas.open(chat.lease)
        await writer.text(0, "x" * 1_000)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await writer.text(0, "y")
        proxy.gate.set()
        await writer.text(0, "z")
        await writer.flush()
        assert await _read(store, chat) == "x" * 1_000 + "z"


async def test_many_live_messages_share_requests(shaky: Store, proxy: FaultyProxy, chat: Chat):
    chats = [
        await answer_in(shaky, chat.owner, chat.project_id, chat.conversation_id) for _ in range(60)
    ]
    writers = [shaky.deltas.open(one.lease) for one in chats]
    before = proxy.requests

    async def speak(index: int) -> None:
        for i in range(10):
            await writers[index].text(0, f"{index}.{i} ")
            await asyncio.sleep(0)
        await writers[index].flush()

    proxy.gate.clear()
    async with asyncio.TaskGroup() as tasks:
        for index in range(60):
            tasks.create_task(speak(index))
        await asyncio.sleep(0)
        proxy.gate.set()
    assert proxy.requests - before < 60
    for index, one in enumerate(chats):
        assert await _read(shaky, one) == "".join(f"{index}.{i} " for i in range(10))


async def test_leaving_the_store_sends_what_is_pending(convex_url: str, store: Store, chat: Chat):
    limits = DeltaLimits(interval_s=60)
    async with Store(convex_url, internal_key=KEY, delta_limits=limits) as leaving:
        writer = leaving.deltas.open(chat.lease)
        await writer.text(0, "first ")
        await writer.text(0, "and last")
    assert await _read(store, chat) == "first and last"


async def test_a_store_that_was_closed_tells_who_still_writes(proxy: FaultyProxy, chat: Chat):
    limits = DeltaLimits(interval_s=0.01, close_s=0.05)
    async with Store(proxy.url, internal_key=KEY, limits=QUICK, delta_limits=limits) as store:
        writer = store.deltas.open(chat.lease)
        proxy.is_down = True
        await writer.text(0, "unsaved")
        async with asyncio.TaskGroup() as tasks:
            flush = tasks.create_task(_outcome(writer))
            await proxy.refused(1)
            await store.deltas.__aexit__(None, None, None)
        assert isinstance(flush.result(), StoreUnavailable)
        with pytest.raises(StoreUnavailable):
            await writer.text(0, "more")
        late = store.deltas.open(chat.lease)
        await late.text(0, "late")
        with pytest.raises(StoreUnavailable):
            await late.flush()


async def _outcome(writer: DeltaWriter) -> Exception | None:
    try:
        await writer.flush()
    except StoreUnavailable as problem:
        return problem
    return None


async def test_a_piece_longer_than_a_document_is_cut_into_several(store: Store, chat: Chat):
    writer = store.deltas.open(chat.lease)
    text = "😀é" * 260_000
    await writer.text(0, text)
    await writer.flush()
    assert await _read(store, chat) == text


async def test_streaming_costs_few_bytes(proxy: FaultyProxy, chat: Chat):
    """16 kB in 300 flushes: a minute's answer at 50 words a second, flushed every 100 ms or so."""
    async with Store(proxy.url, internal_key=KEY, limits=QUICK) as store:
        writer = store.deltas.open(chat.lease)
        text = ("The quick brown fox jumps over the lazy dog, again and again. " * 300)[:16_000]
        before = proxy.sent_bytes
        size = len(text) // 300 + 1
        for start in range(0, len(text), size):
            await writer.text(0, text[start : start + size])
            await writer.flush()
        ratio = (proxy.sent_bytes - before) / len(text)
        assert ratio <= 8
        assert await _read(store, chat) == text


async def test_a_message_that_cannot_be_saved_ends_alone(store: Store, chat: Chat):
    other = await answer_in(store, chat.owner, chat.project_id, chat.conversation_id)
    spoilt = store.deltas.open(replace(other.lease, epoch=cast("int", "no number")))
    good = store.deltas.open(chat.lease)
    await spoilt.text(0, "one")
    await good.text(0, "two")  # in one request with it
    await good.flush()
    assert await _read(store, chat) == "two"
    with pytest.raises(StoreFault):
        await spoilt.flush()


async def test_who_says_much_is_shown_in_larger_pieces(proxy: FaultyProxy, chat: Chat):
    limits = DeltaLimits(interval_s=60, shortest_s=0.01, quick_s=60, quick_chars=20)
    async with Store(proxy.url, internal_key=KEY, limits=QUICK, delta_limits=limits) as store:
        other = await answer_in(store, chat.owner, chat.project_id, chat.conversation_id)
        quick, slow = store.deltas.open(chat.lease), store.deltas.open(other.lease)
        for writer in (quick, slow):
            await writer.text(0, "first ")
            await writer.flush()
        await quick.text(0, "x" * 21)
        for _ in range(3):
            await slow.text(0, "few ")
            while slow.has_pending:  # noqa: ASYNC110 - by one tick after another
                await asyncio.sleep(0.01)
        assert quick.has_pending
        await quick.flush()
        assert await _read(store, chat) == "first " + "x" * 21


async def test_what_is_pending_goes_along_with_another_write(
    shaky: Store, proxy: FaultyProxy, chat: Chat
):
    writer = shaky.deltas.open(chat.lease)
    await writer.text(0, "first ")
    await writer.flush()
    await writer.text(0, "rest")
    async with writer.handing_on() as said:
        await writer.text(0, " and more")
        await shaky.generations.record_turn(chat.lease, TURN, said=said)
        await shaky.generations.record_turn(chat.lease, TURN, said=said)  # as after a lost answer
    assert _entries(proxy) == [1]
    assert await _read(shaky, chat) == "first rest"
    await writer.flush()
    assert await _read(shaky, chat) == "first rest and more"


async def test_what_was_handed_on_and_refused_is_refused_for_good(store: Store, chat: Chat):
    writer = store.deltas.open(chat.lease)
    await writer.text(0, "before")
    await writer.flush()
    await store.messages.cancel(chat.message_id, owner=chat.owner)
    await writer.text(0, "never seen")
    with pytest.raises(GenerationClosed):
        async with writer.handing_on() as said:
            await store.generations.record_turn(chat.lease, TURN, said=said)
    assert writer.refused.is_set()
    with pytest.raises(GenerationClosed):
        await writer.text(0, "more")
