"""Whatever a command makes of a tree comes back byte for byte, also when processes die."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.ids import OwnerId, ProjectId, RunId, new_id
from jobs.files.folder import ProjectFolder
from store import Store
from tests.jobs.files.pushing import Calls, answer_in
from tests.jobs.files.trees import (
    CONTENTS,
    Tree,
    change,
    in_store,
    leave_what_stays,
    on_disk,
    stays,
)
from tests.support.store import KEY
from tools.workspace.paths import TEMPORARY_PREFIX

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[3]


@pytest.fixture
async def project_id(store: Store, owner: OwnerId) -> ProjectId:
    project = await store.projects.create(owner=owner, name="Shop")
    files = {f"src/{number}.bin": data for number, data in enumerate(CONTENTS)}
    await store.files.write_many(project.project_id, files, owner=owner)
    return project.project_id


async def calls_of(store: Store, owner: OwnerId, project_id: ProjectId) -> Calls:
    message_id = await answer_in(store, owner, project_id)
    lease = await store.generations.begin(message_id, run_id=RunId(new_id("run")))
    return Calls(store, lease, lambda _: None)


async def edit_as_a_person(
    store: Store, owner: OwnerId, project_id: ProjectId, chance: random.Random
) -> None:
    tree = await in_store(store, owner, project_id)
    for path in chance.sample(sorted(tree), min(3, len(tree))):
        if path not in await in_store(store, owner, project_id):
            continue  # it went with its folder
        match chance.randrange(4):
            case 0:
                await store.files.delete(project_id, path, owner=owner)
            case 1 if tree[path][0] != "symlink":
                target = f"moved {chance.randrange(10**9)}"
                await store.files.rename(project_id, path, target, owner=owner)
            case _ if tree[path][0] != "folder":
                mode = chance.choice(("regular", "executable", None))
                data = chance.choice(CONTENTS)
                await store.files.write(project_id, path, data, owner=owner, mode=mode)
            case _:
                await store.files.make_folder(project_id, f"{path}/empty", owner=owner)


@pytest.mark.parametrize("seed", range(4))
async def test_a_tree_comes_back_as_commands_and_people_have_left_it(
    store: Store, owner: OwnerId, project_id: ProjectId, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    here = ProjectFolder(store, project_id, owner, tmp_path / "here")
    there = ProjectFolder(store, project_id, owner, tmp_path / "there")
    calls = await calls_of(store, owner, project_id)
    await here.pull()
    leave_what_stays(here.path)
    for _ in range(6):
        await calls.make(here, lambda root: change(root, chance, 15))
        left = on_disk(here.path)
        assert await in_store(store, owner, project_id) == left
        await there.pull()
        assert on_disk(there.path) == left
        await edit_as_a_person(store, owner, project_id, chance)
        edited = await in_store(store, owner, project_id)
        for folder in (here, there):
            await folder.pull()
            assert on_disk(folder.path) == edited
    assert stays(here.path)


@asynccontextmanager
async def pushing(
    url: str, owner: OwnerId, project_id: ProjectId, message_id: str, *where: object
) -> AsyncGenerator[asyncio.subprocess.Process]:
    arguments = [url, KEY, project_id, owner, message_id, *map(str, where)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.jobs.files.pushing",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def line_of(process: asyncio.subprocess.Process, stage: str, number: int) -> None:
    """Wait until it has said that so many times."""
    assert process.stdout is not None
    async with asyncio.timeout(120):
        while number:
            line = (await process.stdout.readline()).decode().strip()
            assert line, "it ended by itself"
            number -= line == stage


def is_whole(folder: Path) -> bool:
    """Whether no file is there that a dead writer has left."""
    return not any(path.name.startswith(TEMPORARY_PREFIX) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("stage", "number"),
    [("pulled", 2), ("changed", 1), ("pushing", 1), ("pushing", 3), ("pushed", 2), ("kept", 2)],
)
async def test_a_process_that_is_killed_while_it_pushes_leaves_all_of_it_or_nothing(
    store: Store,
    convex_url: str,
    owner: OwnerId,
    project_id: ProjectId,
    tmp_path: Path,
    stage: str,
    number: int,
) -> None:
    """Both sides are the same afterwards, and what they are is what one of its calls has left."""
    seed = number * 7 + len(stage)
    message_id = await answer_in(store, owner, project_id)
    folder = tmp_path / "project"
    where = (folder, seed, number)
    async with pushing(convex_url, owner, project_id, message_id, *where) as process:
        await line_of(process, stage, number)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    # As the run that goes on: what the dead process has still under way is refused from here on.
    await store.generations.begin(message_id, run_id=RunId(new_id("run")))
    kept = await in_store(store, owner, project_id)
    assert kept in await expected(store, owner, tmp_path, seed, calls=number)
    after = ProjectFolder(store, project_id, owner, folder)
    await after.pull()
    kept = await in_store(store, owner, project_id)
    assert on_disk(after.path) == kept
    assert is_whole(after.path)
    calls = await calls_of(store, owner, project_id)
    await calls.make(after, lambda root: change(root, random.Random(seed), 5))  # noqa: S311
    assert await in_store(store, owner, project_id) == on_disk(after.path)


async def expected(
    store: Store, owner: OwnerId, tmp_path: Path, seed: int, *, calls: int
) -> list[Tree]:
    """What a project is after each of so many calls, with nobody killed."""
    project = await store.projects.create(owner=owner, name="Twin")
    files = {f"src/{number}.bin": data for number, data in enumerate(CONTENTS)}
    await store.files.write_many(project.project_id, files, owner=owner)
    twin = ProjectFolder(store, project.project_id, owner, tmp_path / "twin")
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    making = await calls_of(store, owner, project.project_id)
    trees = [await in_store(store, owner, project.project_id)]
    for _ in range(calls):
        await making.make(twin, lambda root: change(root, chance, 12))
        trees.append(on_disk(twin.path))
    return trees


PULL = """
import asyncio, sys
from pathlib import Path
from core.ids import OwnerId, ProjectId
from jobs.files.folder import ProjectFolder
from store import Store

async def main(url, key, project, owner, folder):
    async with Store(url, internal_key=key) as store:
        await ProjectFolder(store, ProjectId(project), OwnerId(owner), Path(folder)).pull()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("files_there", [0, 1, 40, 170, 299])
async def test_a_process_that_is_killed_while_it_pulls_leaves_no_half_folder(
    store: Store,
    convex_url: str,
    owner: OwnerId,
    project_id: ProjectId,
    tmp_path: Path,
    files_there: int,
) -> None:
    more = {f"deep/{n % 20}/{n}": CONTENTS[n % len(CONTENTS)] for n in range(300)}
    await store.files.write_many(project_id, more, owner=owner)
    await store.files.write(project_id, "run.sh", b"#!", owner=owner, mode="executable")
    await store.files.write(project_id, "deep/link", b"../run.sh", owner=owner, mode="symlink")
    folder = tmp_path / "project"
    arguments = [convex_url, KEY, project_id, owner, str(folder)]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PULL, *arguments, cwd=ROOT)
    async with asyncio.timeout(120):
        while process.returncode is None and count_in(folder) <= files_there:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.wait()
    (folder / "files").mkdir(parents=True, exist_ok=True)
    (folder / "being-written").touch()  # as if it had died in the middle of a file
    (folder / "files" / f"{TEMPORARY_PREFIX}1").write_bytes(b"half")
    after = ProjectFolder(store, project_id, owner, folder)
    await after.pull()
    assert on_disk(after.path) == await in_store(store, owner, project_id)
    assert is_whole(after.path)


def count_in(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder / "files"))
