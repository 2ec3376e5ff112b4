"""Whatever turns did: a restore brings back what was before, and loses nobody else's edits."""

import asyncio
from collections.abc import Sequence
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.ids import CheckpointId, OwnerId, new_id
from store import Store
from store.records import DeletedFile, FileEdit, NewFolder, RenamedFile
from tests.store.undoing import Desk, Tree, write
from tests.support.store import KEY

pytestmark = pytest.mark.timeout(300)

PATHS = ["a", "b", "d/a", "d/b", "d/e/a", "d/e", "f"]
DATA = [b"", b"one\n", b"two\r\n", b"\xff\0bytes", b"long " * 60_000]

paths = st.sampled_from(PATHS)
edits = st.one_of(
    st.tuples(st.just("write"), paths, st.sampled_from(DATA)),
    st.tuples(st.just("delete"), paths, st.just(b"")),
    st.tuples(st.just("folder"), paths, st.just(b"")),
    st.tuples(st.just("move"), paths, paths.map(str.encode)),
)
Edit = tuple[str, str, bytes]
calls = st.lists(edits, min_size=1, max_size=3)
turns = st.tuples(st.just("turn"), st.lists(calls, min_size=1, max_size=3))
restores = st.tuples(st.just("restore"), st.integers(0, 30))
quickly = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def edit_of(edit: Edit, tree: Tree) -> FileEdit:
    kind, path, data = edit
    match kind:
        case "write":
            return write(path, data, tree)
        case "delete":
            return DeletedFile(path)
        case "folder":
            return NewFolder(path)
        case _:
            return RenamedFile(path, data.decode())


async def in_a_new_project(convex_url: str) -> Desk:
    store = await Store(convex_url, internal_key=KEY).__aenter__()
    return await Desk.made(store, OwnerId(new_id("user")))


@quickly
@given(work=st.lists(st.one_of(turns, restores), min_size=1, max_size=8))
def test_each_checkpoint_brings_back_the_tree_before_it(
    convex_url: str, work: Sequence[tuple[str, Sequence[Sequence[Edit]] | int]]
) -> None:
    async def play() -> None:
        desk = await in_a_new_project(convex_url)
        try:
            before: list[tuple[CheckpointId, Tree]] = []
            for kind, what in work:
                tree = await desk.tree()
                if not isinstance(what, int):
                    await desk.asked(len(what))
                    for number, call in enumerate(what):
                        now = await desk.tree()
                        await desk.call(number, [edit_of(edit, now) for edit in call])
                    await desk.end()
                    newest = (await desk.checkpoints())[:1]
                    known = {checkpoint_id for checkpoint_id, _ in before}
                    before += [
                        (each.checkpoint_id, tree)
                        for each in newest
                        if each.checkpoint_id not in known
                    ]
                elif before:
                    target, expected = before[what % len(before)]
                    back = await desk.restore(target)
                    assert back.outcome.conflicts == (), (kind, back.outcome)
                    assert back.outcome.merged == ()
                    assert await desk.tree() == expected
                    before.append((back.checkpoint_id, tree))
            for target, expected in reversed(before):
                await desk.restore(target)
                assert await desk.tree() == expected
        finally:
            await desk.store.__aexit__()

    asyncio.run(play())


AGENTS, PERSONS = (0, 4, 8), (12, 16)
lines = st.tuples(
    st.sampled_from(["agent", "person", "move"]),
    st.integers(0, 2),
    st.sampled_from(["x", "y", "z"]),
)
Change = tuple[Literal["agent", "person", "move"], int, str]


@quickly
@given(work=st.lists(lines, min_size=1, max_size=10), to=st.integers(0, 20))
def test_lines_that_a_person_wrote_stay_and_those_of_the_agent_go_back(
    convex_url: str, work: Sequence[Change], to: int
) -> None:
    async def play() -> None:
        desk = await in_a_new_project(convex_url)
        try:
            path, now = "a.txt", [f"line {number}\n" for number in range(20)]
            await desk.wrote(path, "".join(now).encode())
            old: list[tuple[str, list[str]]] = []
            for who, which, text in work:
                changed = [*now]
                places = PERSONS if who == "person" else AGENTS
                changed[places[which % len(places)]] = f"{who} {text}\n"
                data = "".join(changed).encode()
                if who == "move":
                    target = path if path != "a.txt" else ("a.txt", "b.txt", "d/c.txt")[which]
                    if target != path:
                        old.append((path, now))
                        await desk.turn([RenamedFile(path, target)])
                        await desk.end()
                    path, changed = target, now
                elif who == "person":
                    await desk.wrote(path, data)
                elif changed != now:
                    old.append((path, now))
                    await desk.turn([write(path, data, await desk.tree())])
                    await desk.end()
                now = changed
            checkpoints = (await desk.checkpoints())[::-1]
            assert len(checkpoints) == len(old)
            if not checkpoints:
                return
            index = to % len(checkpoints)
            before, (old_path, lines_then) = await desk.tree(), old[index]
            back = await desk.restore(checkpoints[index].checkpoint_id)
            assert back.outcome.conflicts == ()
            expected = [*now]
            for place in AGENTS:
                expected[place] = lines_then[place]
            files = {p: data for p, data in (await desk.tree()).items() if data is not None}
            assert files == {old_path: "".join(expected).encode()}
            await desk.restore(back.checkpoint_id)
            assert await desk.tree() == before
        finally:
            await desk.store.__aexit__()

    asyncio.run(play())
