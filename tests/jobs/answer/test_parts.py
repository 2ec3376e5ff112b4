"""Parts of results: what a tool makes is what the store keeps and people read."""

import base64
import os
from typing import get_args

import pytest

from core.ids import OwnerId, RunId, ToolCallId
from jobs.answer.images import blobs_of
from store import Store
from store.records import NewToolCall, TurnPart, TurnRecord
from tools.output import (
    LARGE_IMAGE_CHARS,
    MAX_PARTS_BYTES,
    PARTS,
    Diagnostic,
    DiagnosticsPart,
    DiffPart,
    EndedPart,
    ExitPart,
    FullTextPart,
    ImagePart,
    MoreFilesPart,
    Part,
    json_of,
)
from tools.workspace.port import RelPath

PATH = RelPath("src/a.ts")
EACH: list[Part] = [
    DiffPart(PATH, "renamed", "@@ -1 +1 @@\n-a\n+b", 1, 1, RelPath("b.ts"), is_cut=True),
    DiffPart(PATH, "changed"),
    MoreFilesPart(3),
    DiagnosticsPart((Diagnostic(PATH, 1, 2, "error", "no", "2304", "ts"),)),
    ImagePart("image/png", "iVBORw0KGgo="),
    FullTextPart("out-1", 1_000_000),
    ExitPart(0, 1.5),
    ExitPart(None, 30.0),
    EndedPart("timeout", ("sleep 60",), "2026-01-01T00:00:00+00:00"),
]


async def kept(store: Store, owner: OwnerId, parts: list[Part]) -> tuple[Part, ...]:
    project = await store.projects.create(owner=owner, name="Shop")
    chat = await store.conversations.create(project.project_id, owner=owner, title="One")
    sent = await store.messages.send(
        chat.conversation_id, owner=owner, content="hello", policy="cancel"
    )
    lease = await store.generations.begin(
        sent.message_id, run_id=RunId("r"), generation_id=sent.events[-1].event_id
    )
    call_id = ToolCallId("c1")
    turn = TurnRecord(0, (TurnPart("toolCall", tool_call_id=call_id),), "tool_calls", "m")
    calls = (NewToolCall(call_id, "t", "{}"),)
    await store.generations.record_turn(lease, turn, tool_calls=calls)
    await store.generations.finish_tool_call(
        lease,
        turn=0,
        tool_call_id=call_id,
        output="",
        is_error=False,
        parts=json_of(parts),
        images=blobs_of(parts),
    )
    found = await store.messages.result_parts(
        sent.message_id, owner=owner, turn=0, tool_call_id=call_id
    )
    return PARTS.validate_python(found)


async def test_every_kind_of_part_comes_back_as_it_was(store: Store, owner: OwnerId) -> None:
    union, _ = get_args(Part)
    assert {type(part) for part in EACH} == set(get_args(union))
    assert await kept(store, owner, EACH) == tuple(EACH)


async def test_images_of_any_size_come_back_byte_for_byte(store: Store, owner: OwnerId) -> None:
    data = [os.urandom(size) for size in (10, LARGE_IMAGE_CHARS // 4 * 3, 200_000, 2_000_000)]
    images = [ImagePart("image/png", base64.b64encode(each).decode()) for each in data]
    assert [image.is_large for image in images] == [False, False, True, True]
    assert await kept(store, owner, [*images, ExitPart(0, 1.0)]) == (
        *images[:2],
        ExitPart(0, 1.0),
        *images[2:],
    )


@pytest.mark.parametrize("size", [MAX_PARTS_BYTES - 200, MAX_PARTS_BYTES + 1])
def test_a_part_that_does_not_fit_leaves_room_for_others(size: int) -> None:
    diff = DiffPart(PATH, "changed", "x" * size)
    names = [part["type"] for part in json_of([diff, ExitPart(0, 1.0)])]
    assert names == (["diff", "exit"] if size < MAX_PARTS_BYTES else ["exit"])
