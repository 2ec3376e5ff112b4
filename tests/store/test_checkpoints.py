"""Checkpoints on the real embedded Convex: bytes of every kind, many files, and people beside."""

import asyncio

import pytest

from core.ids import OwnerId, RunId
from store import FileChanged, Store
from store.records import Checkpoint, DeletedFile, FileEdit, RenamedFile
from tests.store.test_files import CONTENTS
from tests.store.undoing import Desk, write

pytestmark = pytest.mark.timeout(180)

MANY = 1_000


@pytest.fixture
async def desk(store: Store, owner: OwnerId) -> Desk:
    return await Desk.made(store, owner)


@pytest.mark.parametrize("data", CONTENTS.values(), ids=list(CONTENTS))
async def test_whatever_a_file_held_comes_back_byte_for_byte(desk: Desk, data: bytes) -> None:
    await desk.wrote("dir/edited", data)
    await desk.wrote("dir/deleted", data)
    before = await desk.tree()
    await desk.turn([write("dir/edited", b"other", before)], [DeletedFile("dir")])
    await desk.turn([write("dir", data[::-1] + b"\xff")])
    await desk.end()
    after = await desk.tree()
    _, first = await desk.checkpoints()
    back = await desk.restore(first.checkpoint_id)
    assert back.outcome.conflicts == ()
    assert await desk.tree() == before
    again = await desk.restore(back.checkpoint_id)
    assert await desk.tree() == after
    await desk.restore(again.checkpoint_id)
    assert await desk.tree() == before


async def test_the_bytes_that_an_agent_wrote_are_kept_when_a_person_writes_over_them(
    desk: Desk,
) -> None:
    made = CONTENTS["large bytes"]
    await desk.turn([write("a.bin", made)])
    await desk.end()
    await desk.wrote("a.bin", b"mine")
    (turn,) = await desk.checkpoints()
    back = await desk.restore(turn.checkpoint_id)
    assert [each.path for each in back.outcome.conflicts] == ["a.bin"]
    assert await desk.tree() == {"a.bin": b"mine"}
    await desk.wrote("a.bin", made)
    await desk.restore(turn.checkpoint_id)
    assert await desk.tree() == {}


async def test_a_turn_that_changes_many_files_comes_back(desk: Desk) -> None:
    paths = [f"src/{number % 30}/f{number}.txt" for number in range(MANY)]
    data = {path: f"{path}\n".encode() for path in paths}
    await desk.store.files.write_many(desk.project_id, data, owner=desk.owner)
    before = await desk.tree()
    await desk.turn(
        [write(path, b"x", before) for path in paths[:150]],
        [write(path, b"x", before) for path in paths[150:300]],
        [DeletedFile("src"), write("src", b"a file now")],
    )
    await desk.end()
    after = await desk.tree()
    assert after == {"src": b"a file now"}
    (turn,) = await desk.checkpoints()
    assert (turn.file_count, len(turn.files)) == (MANY + 31, 100)
    back = await desk.restore(turn.checkpoint_id)
    assert back.outcome.conflicts == ()
    told = len(back.outcome.restored) + back.outcome.not_told
    assert told == MANY + 31
    assert await desk.tree() == before
    again = await desk.restore(back.checkpoint_id)
    assert again.outcome.conflicts == ()
    assert await desk.tree() == after


@pytest.mark.parametrize(
    ("count", "edit"),
    [(2_900, RenamedFile("src", "lib")), (1_300, DeletedFile("src"))],
    ids=["moved", "deleted"],
)
@pytest.mark.thorough
async def test_as_many_files_as_one_call_can_change_are_recorded_and_come_back(
    desk: Desk, count: int, edit: FileEdit
) -> None:
    data = {f"src/f{number:04}.txt": f"{number}\n".encode() for number in range(count)}
    await desk.store.files.write_many(desk.project_id, data, owner=desk.owner)
    before = await desk.tree()
    await desk.turn([edit])
    await desk.end()
    assert await desk.tree() != before
    (turn,) = await desk.checkpoints()
    back = await desk.restore(turn.checkpoint_id)
    assert back.outcome.conflicts == ()
    assert await desk.tree() == before


async def moved_and_edited(desk: Desk) -> Checkpoint:
    """The agent has moved and changed a file, and a person has edited it there."""
    old = [f"line {number}\n" for number in range(20)]
    await desk.wrote("src/a.txt", "".join(old).encode())
    await desk.wrote("src/b.bin", b"\xff\0")
    changed = ["AGENT\n", *old[1:]]
    await desk.turn([RenamedFile("src", "lib")])
    await desk.turn([write("lib/a.txt", "".join(changed).encode(), await desk.tree())])
    await desk.end()
    changed[15] = "mine\n"
    await desk.wrote("lib/a.txt", "".join(changed).encode())
    await desk.wrote("lib/b.bin", b"\xff\0mine")
    _, first = await desk.checkpoints()
    return first


async def test_a_file_that_was_moved_goes_back_with_what_a_person_has_edited_since(
    desk: Desk,
) -> None:
    turn = await moved_and_edited(desk)
    after = await desk.tree()
    statuses = [(each.path, each.status, each.moved_from, each.moved_to) for each in turn.files]
    assert statuses[1::3] == [
        ("lib/a.txt", "renamed", "src/a.txt", None),
        ("src/a.txt", "deleted", None, "lib/a.txt"),
    ]
    back = await desk.restore(turn.checkpoint_id)
    assert back.outcome.conflicts == ()
    assert back.outcome.merged == ("src/a.txt", "src/b.bin")
    lines = [f"line {number}\n" for number in range(20)]
    lines[15] = "mine\n"
    assert await desk.tree() == {
        "src": None,
        "src/a.txt": "".join(lines).encode(),
        "src/b.bin": b"\xff\0mine",
    }
    await desk.restore(back.checkpoint_id)
    assert await desk.tree() == after


async def test_a_moved_and_edited_file_stays_where_its_old_place_is_taken(desk: Desk) -> None:
    turn = await moved_and_edited(desk)
    await desk.wrote("src/a.txt", b"another\n")
    await desk.wrote("src/b.bin", b"another\n")
    before = await desk.tree()
    back = await desk.restore(turn.checkpoint_id)
    assert sorted(each.path for each in back.outcome.conflicts) == [
        "lib",
        "lib/a.txt",
        "lib/b.bin",
        "src/a.txt",
        "src/b.bin",
    ]
    assert await desk.tree() == before


async def test_a_file_that_was_moved_to_and_fro_and_then_edited_stays(desk: Desk) -> None:
    await desk.wrote("a.txt", b"one\n")
    await desk.turn([RenamedFile("a.txt", "b.txt")])
    await desk.turn([RenamedFile("b.txt", "a.txt")])
    await desk.turn([RenamedFile("a.txt", "c.txt")])
    await desk.end()
    await desk.wrote("c.txt", b"mine\n")
    *_, first = await desk.checkpoints()
    back = await desk.restore(first.checkpoint_id)
    assert [each.path for each in back.outcome.conflicts] == ["c.txt"]
    assert await desk.tree() == {"a.txt": b"one\n", "c.txt": b"mine\n"}


async def test_people_who_write_while_it_is_restored_lose_nothing(desk: Desk) -> None:
    lines = [f"line {number}\n".encode() for number in range(40)]
    await desk.wrote("a.txt", b"".join(lines))
    before = await desk.tree()
    changed = [b"AGENT\n", *lines[1:]]
    await desk.turn([write("a.txt", b"".join(changed), before)])
    await desk.end()
    (turn,) = await desk.checkpoints()
    written: list[bytes] = []

    async def person() -> None:
        for number in range(25):
            while True:
                content = await desk.store.files.read(desk.project_id, "a.txt", owner=desk.owner)
                mine = f"mine {number}\n".encode()
                try:
                    await desk.store.files.write(
                        desk.project_id,
                        "a.txt",
                        content.data + mine,
                        owner=desk.owner,
                        expected_sha256=content.entry.sha256,
                    )
                except FileChanged:
                    continue
                written.append(mine)
                break

    async def restorer() -> None:
        undone = turn.checkpoint_id
        for _ in range(10):
            undone = (await desk.restore(undone)).checkpoint_id

    async with asyncio.TaskGroup() as both:
        both.create_task(person())
        both.create_task(restorer())
    data = (await desk.tree())["a.txt"]
    assert data is not None
    assert data.splitlines(keepends=True)[1:] == [*lines[1:], *written]
    assert data.startswith((b"AGENT\n", b"line 0\n"))


async def test_two_restores_with_one_key_at_once_are_one(desk: Desk) -> None:
    await desk.wrote("a.txt", b"one\n")
    await desk.turn([write("a.txt", b"two\n", await desk.tree())])
    await desk.end()
    (turn,) = await desk.checkpoints()
    made = await asyncio.gather(
        *(
            desk.store.checkpoints.restore(
                desk.project_id, turn.checkpoint_id, owner=desk.owner, key="one"
            )
            for _ in range(5)
        )
    )
    assert len({each.checkpoint_id for each in made}) == 1
    assert len(await desk.checkpoints()) == 2


async def test_a_call_that_is_recorded_again_after_a_crash_keeps_the_first_before(
    desk: Desk,
) -> None:
    await desk.wrote("a.txt", b"one\n")
    before = await desk.tree()
    await desk.turn([write("a.txt", b"two\n", before)])
    lease = desk.lease
    assert lease is not None
    desk.turns -= 1  # the process died after the write, and the step runs again in another
    desk.lease = await desk.store.generations.begin(lease.message_id, run_id=RunId("another"))
    await desk.turn([write("a.txt", b"two\n", before)])
    await desk.end()
    (turn,) = await desk.checkpoints()
    await desk.restore(turn.checkpoint_id)
    assert await desk.tree() == before


async def test_a_retried_answer_has_checkpoints_of_its_own(desk: Desk) -> None:
    await desk.wrote("a.txt", b"one\n")
    await desk.turn([write("a.txt", b"two\n", await desk.tree())])
    assert desk.lease is not None
    message_id = desk.lease.message_id
    await desk.store.generations.fail(message_id, error="x", error_code="internal")
    await desk.store.messages.retry(message_id, owner=desk.owner, policy="queue")
    desk.lease = await desk.store.generations.begin(message_id, run_id=RunId("another"))
    desk.turns = 0
    await desk.turn([write("a.txt", b"three\n", await desk.tree())])
    await desk.end()
    second, first = await desk.checkpoints()
    assert (first.turn, second.turn) == (0, 0)
    await desk.restore(second.checkpoint_id)
    assert await desk.tree() == {"a.txt": b"two\n"}
    await desk.restore(first.checkpoint_id)
    assert await desk.tree() == {"a.txt": b"one\n"}


async def test_a_call_that_is_refused_records_nothing(desk: Desk) -> None:
    await desk.wrote("a.txt", b"one\n")
    edits: list[FileEdit] = [write("b.txt", b"new"), write("a.txt", b"two\n")]
    await desk.turn(edits)
    await desk.end()
    assert await desk.checkpoints() == ()
    assert await desk.tree() == {"a.txt": b"one\n"}


async def test_answers_of_two_conversations_side_by_side_are_undone_in_their_order(
    desk: Desk,
) -> None:
    talk = await desk.store.conversations.create(desk.project_id, owner=desk.owner, title="Two")
    other = Desk(desk.store, desk.owner, desk.project_id, talk.conversation_id)
    await desk.wrote("a.txt", b"0\n")
    await desk.asked(3)
    await other.asked(2)
    trees = [await desk.tree()]
    for number, who in enumerate((desk, other, desk, other, desk)):
        await who.call(number // 2, [write("a.txt", f"{number + 1}\n".encode(), trees[-1])])
        trees.append(await desk.tree())
    await desk.end()
    await other.end()
    second, first = await desk.checkpoints()
    back = await desk.restore(second.checkpoint_id)
    assert await desk.tree() == trees[1]
    await desk.restore(back.checkpoint_id)
    assert await desk.tree() == trees[5]
    await desk.restore(first.checkpoint_id)
    assert await desk.tree() == trees[0]
