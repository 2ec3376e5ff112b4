"""What is new in a repository comes into the project; nothing of either side is lost in silence."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.ids import ProjectId
from jobs.github import pulling
from store.errors import TransferOver
from store.pulls import PullBatch
from store.records import Project, Transfer
from tests.jobs.github.site import Site
from tests.support.github import File
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(120)

TEXT = "".join(f"line {number}\n" for number in range(1, 21))


def tree(files: Mapping[str, str]) -> list[File]:
    return [File(path.encode(), text.encode()) for path, text in files.items()]


async def imported(site: Site, files: Mapping[str, str], **more: str) -> ProjectId:
    """A project from a repository `octo/a` of these files."""
    site.github.repositories.make("octo/a")
    site.github.repositories.commit("octo/a", tree(files))
    project_id, ended = await site.imported("octo/a", **more)
    assert ended.status == "completed", ended
    return project_id


async def project(site: Site, project_id: ProjectId) -> Project:
    return await site.store.projects.owned(project_id, owner=site.owner)


def told(transfer: Transfer) -> dict[str, str]:
    return {line.path: line.reason for line in transfer.conflicts or ()}


def rewritten(site: Site, files: Mapping[str, str]) -> str:
    """Force another history upon `octo/a`, of which nothing is left of before; its commit."""
    repositories = site.github.repositories
    repositories.git("octo/a", "update-ref", "-d", "refs/heads/main")
    commit = repositories.commit("octo/a", tree(files), message="Anew")
    for command in (
        ("reflog", "expire", "--expire=now", "--all"),
        ("repack", "-ad"),
        ("prune", "--expire=now"),
    ):
        repositories.git("octo/a", *command)
    return commit


async def kept(site: Site) -> Path:
    """The cache, once what was imported is in it: that is done when the import has ended."""
    cache = site.folder / "repositories" / "histories"
    await until(lambda: any(cache.glob("*.git")), timeout_s=60)
    return cache


async def test_what_is_new_comes_and_what_was_changed_here_stays(working: Site) -> None:
    project_id = await imported(working, {"a.txt": TEXT, "old.txt": "o\n", "b.txt": "b\n"})
    before = (await project(working, project_id)).repository
    assert before is not None
    assert (before.repository, before.branch, before.folder) == ("octo/a", "main", "")
    assert before.commit == working.github.repositories.head("octo/a")
    await working.write(project_id, "a.txt", TEXT.replace("line 2\n", "mine\n"))
    await working.write(project_id, "here.txt", "h\n")
    theirs = TEXT.replace("line 19\n", "theirs\n")
    new = {"a.txt": theirs, "b.txt": "b\n", "src/new.txt": "n\n"}
    commit = working.github.repositories.commit("octo/a", tree(new))
    ended = await working.pulled(project_id)
    assert (ended.status, ended.error, ended.commit) == ("completed", None, commit)
    assert (ended.done, ended.total, ended.conflicts) == (3, 3, None)
    both = theirs.replace("line 2\n", "mine\n")
    assert await working.texts(project_id) == {**new, "a.txt": both, "here.txt": "h\n"}
    after = (await project(working, project_id)).repository
    assert after is not None
    assert (after.commit, after.partly) == (commit, None)
    again = await working.pulled(project_id)
    assert (again.status, again.total) == ("completed", 0)


async def test_a_conflict_is_shown_in_the_file_told_and_not_made_twice(working: Site) -> None:
    project_id = await imported(working, {"a.txt": TEXT})
    await working.write(project_id, "a.txt", TEXT.replace("line 7", "mine"))
    theirs = TEXT.replace("line 7", "theirs")
    commit = working.github.repositories.commit("octo/a", tree({"a.txt": theirs}))
    ended = await working.pulled(project_id)
    assert (ended.status, ended.conflicts_count) == ("completed", 1)
    assert set(told(ended)) == {"a.txt"}
    text = (await working.texts(project_id))["a.txt"]
    label = f"octo/a main ({commit[:7]})"
    assert f"<<<<<<< this project\nmine\n=======\ntheirs\n>>>>>>> {label}\n" in text
    await working.pulled(project_id)
    assert (await working.texts(project_id))["a.txt"] == text


async def test_a_pull_can_be_undone(working: Site) -> None:
    project_id = await imported(working, {"a.txt": "a\n", "gone/b.txt": "b\n"})
    working.github.repositories.commit("octo/a", tree({"a.txt": "A\n", "c.txt": "c\n"}))
    await working.pulled(project_id)
    assert await working.texts(project_id) == {"a.txt": "A\n", "c.txt": "c\n"}
    page = await working.store.checkpoints.list(project_id, owner=working.owner)
    assert [it.kind for it in page.items] == ["pull"]
    await working.store.checkpoints.restore(
        project_id, page.items[0].checkpoint_id, owner=working.owner, key="k"
    )
    assert await working.texts(project_id) == {"a.txt": "a\n", "gone/b.txt": "b\n"}


async def test_of_a_folder_only_that_comes(working: Site) -> None:
    files = {"top.txt": "t\n", "packages/a/x.txt": "x\n"}
    project_id = await imported(working, files, folder="packages/a/")
    new = {"top.txt": "T\n", "packages/a/x.txt": "X\n", "packages/a/y/z.txt": "z\n"}
    working.github.repositories.commit("octo/a", tree(new))
    ended = await working.pulled(project_id)
    assert (ended.status, ended.total) == ("completed", 2)
    assert await working.texts(project_id) == {"x.txt": "X\n", "y/z.txt": "z\n"}
    working.github.repositories.commit("octo/a", tree({"top.txt": "T\n"}))
    gone = await working.pulled(project_id)
    assert (gone.status, gone.error_code) == ("failed", "no_such_folder")
    assert await working.texts(project_id) == {"x.txt": "X\n", "y/z.txt": "z\n"}


async def test_a_rewritten_history_whose_past_is_gone_shows_every_difference(working: Site) -> None:
    project_id = await imported(working, {"same.txt": "s\n", "a.txt": TEXT, "gone.txt": "g\n"})
    shutil.rmtree(await kept(working))
    files = {"same.txt": "s\n", "a.txt": TEXT.replace("line 7", "theirs"), "n.txt": "n\n"}
    commit = rewritten(working, files)
    ended = await working.pulled(project_id)
    assert (ended.status, ended.error) == ("completed", None)
    assert [line.path for line in ended.notes or ()] == ["main"]
    assert set(told(ended)) == {"a.txt"}
    found = await working.texts(project_id)
    assert set(found) == {"same.txt", "a.txt", "n.txt", "gone.txt"}
    assert "line 7" in found["a.txt"]
    assert "theirs" in found["a.txt"]
    link = (await project(working, project_id)).repository
    assert link is not None
    assert link.commit == commit


@pytest.mark.thorough
async def test_a_rewritten_history_is_no_matter_while_its_past_is_kept_here(working: Site) -> None:
    project_id = await imported(working, {"a.txt": TEXT, "gone.txt": "g\n"})
    await working.write(project_id, "a.txt", TEXT.replace("line 2\n", "mine\n"))
    theirs = TEXT.replace("line 19\n", "theirs\n")
    await kept(working)
    rewritten(working, {"a.txt": theirs})
    ended = await working.pulled(project_id)
    assert (ended.status, ended.conflicts) == ("completed", None)
    both = theirs.replace("line 2\n", "mine\n")
    assert await working.texts(project_id) == {"a.txt": both}


async def test_a_branch_that_is_gone_and_a_project_without_one_are_told(working: Site) -> None:
    project_id = await imported(working, {"a.txt": "a\n"})
    working.github.repositories.commit("octo/a", tree({"b": "b\n"}), branch="other")
    working.github.repositories.git("octo/a", "update-ref", "-d", "refs/heads/main")
    ended = await working.pulled(project_id)
    assert (ended.status, ended.error_code) == ("failed", "no_such_branch")
    assert await working.texts(project_id) == {"a.txt": "a\n"}
    alone = (await working.store.projects.create(owner=working.owner, name="P")).project_id
    with pytest.raises(Exception, match="no repository yet"):
        await working.pulled(alone)


async def test_an_edit_of_a_person_meanwhile_is_never_lost(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id = await imported(site, {"a.txt": TEXT, "b.txt": "b\n"})
    theirs = TEXT.replace("line 19\n", "theirs\n")
    site.github.repositories.commit("octo/a", tree({"a.txt": theirs, "b.txt": "B\n"}))
    mine = TEXT.replace("line 2\n", "mine\n")
    apply, edits = site.store.pulls.apply, [mine, mine.replace("line 3\n", "mine too\n")]

    async def after_an_edit(transfer_id: str, batch: PullBatch) -> None:
        if edits:  # between the look at the files and the write, as a person would
            await site.write(project_id, "a.txt", edits.pop(0))
        await apply(transfer_id, batch)

    monkeypatch.setattr(site.store.pulls, "apply", after_an_edit)
    ended = await site.pulled(project_id)
    assert (ended.status, ended.conflicts) == ("completed", None)
    both = theirs.replace("line 2\nline 3\n", "mine\nmine too\n")
    assert await site.texts(project_id) == {"a.txt": both, "b.txt": "B\n"}


async def test_two_pulls_at_once_are_one(working: Site) -> None:
    project_id = await imported(working, {"a.txt": "a\n"})
    working.github.repositories.commit("octo/a", tree({"a.txt": "A\n"}))
    working.github.gate.clear()
    async with working.worker() as engine:
        first = await working.ask(engine, project_id, "pull")
        with pytest.raises(Exception, match="A pull of this project is already running"):
            await working.ask(engine, project_id, "pull")
        with pytest.raises(Exception, match="A pull of this project is already running"):
            await working.store.transfers.request_export(project_id, owner=working.owner, data={})
        working.github.gate.set()
        assert (await working.ended(project_id)).transfer_id == first
    assert await working.texts(project_id) == {"a.txt": "A\n"}


async def test_a_pull_that_is_stopped_half_way_goes_on_or_leaves_a_clear_state(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "BATCH_CHANGES", 2)
    files = {f"{number}.txt": TEXT for number in range(6)}
    project_id = await imported(site, files)
    mine = TEXT.replace("line 7", "mine")
    for path in ("0.txt", "5.txt"):
        await site.write(project_id, path, mine)
    theirs = TEXT.replace("line 7", "theirs")
    site.github.repositories.commit("octo/a", tree(dict.fromkeys(files, theirs)))
    apply, stop = site.store.pulls.apply, asyncio.Event()

    async def only_the_first(transfer_id: str, batch: PullBatch) -> None:
        if batch.after:
            stop.set()
            await asyncio.sleep(3_600)
        await apply(transfer_id, batch)

    monkeypatch.setattr(site.store.pulls, "apply", only_the_first)
    async with site.worker() as engine:  # which dies behind the first batch
        await site.ask(engine, project_id, "pull")
        await stop.wait()
    half = await site.texts(project_id)
    assert half["1.txt"] == theirs
    assert "<<<<<<<" in half["0.txt"]
    assert half["2.txt"] == TEXT
    stop.clear()
    async with site.worker():  # and the next one too: then a person cancels
        await stop.wait()
        await site.store.transfers.cancel(project_id, owner=site.owner, kind="pull")
        transfer = await site.ended(project_id)
        with pytest.raises(TransferOver):
            await apply(transfer.transfer_id, PullBatch("1.txt", "3.txt", (), (), (), 4, 6))
    assert await site.texts(project_id) == half
    link = (await project(site, project_id)).repository
    assert link is not None
    assert [part.up_to for part in link.partly or ()] == ["1.txt"]
    monkeypatch.setattr(site.store.pulls, "apply", apply)
    ended = await site.pulled(project_id)
    assert (ended.status, set(told(ended))) == ("completed", {"5.txt"})
    found = await site.texts(project_id)
    assert found["0.txt"] == half["0.txt"]
    assert [found[f"{number}.txt"] for number in range(1, 5)] == [theirs] * 4
    assert "<<<<<<<" in found["5.txt"]


async def test_the_branch_may_move_on_and_the_worker_die_in_the_middle_of_a_pull(
    site: Site,
) -> None:
    project_id = await imported(site, {"a.txt": "a\n"})
    first = site.github.repositories.commit("octo/a", tree({"a.txt": "A\n"}))
    site.github.gate.clear()
    async with site.worker() as engine:  # which dies while it fetches
        await site.ask(engine, project_id, "pull")
        await site.transfer_once(project_id, lambda it: it.phase == "fetching")
    second = site.github.repositories.commit("octo/a", tree({"a.txt": "AA\n", "b.txt": "b\n"}))
    site.github.gate.set()
    async with site.worker():
        ended = await site.ended(project_id)
    assert (ended.status, ended.commit) == ("completed", first)
    assert await site.texts(project_id) == {"a.txt": "A\n"}
    assert (await site.pulled(project_id)).commit == second
    assert await site.texts(project_id) == {"a.txt": "AA\n", "b.txt": "b\n"}


async def test_a_worker_that_dies_behind_the_merge_does_not_merge_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id = await imported(site, {"a.txt": TEXT})
    await site.write(project_id, "a.txt", TEXT.replace("line 7", "mine"))
    theirs = TEXT.replace("line 7", "theirs")
    commit = site.github.repositories.commit("octo/a", tree({"a.txt": theirs}))
    finish, merged = site.store.transfers.finish, asyncio.Event()

    async def never(*_: object, **__: object) -> Transfer:
        merged.set()
        await asyncio.sleep(3_600)
        raise AssertionError("it was to be stopped")

    monkeypatch.setattr(site.store.transfers, "finish", never)
    async with site.worker() as engine:
        await site.ask(engine, project_id, "pull")
        await merged.wait()
    await site.write(project_id, "a.txt", "decided by then\n")
    monkeypatch.setattr(site.store.transfers, "finish", finish)
    async with site.worker():
        ended = await site.ended(project_id)
    assert (ended.status, ended.conflicts_count) == ("completed", 1)
    assert await site.texts(project_id) == {"a.txt": "decided by then\n"}
    link = (await project(site, project_id)).repository
    assert link is not None
    assert link.commit == commit


@pytest.mark.thorough
async def test_a_commit_that_is_gone_before_it_is_fetched_is_told(site: Site) -> None:
    project_id = await imported(site, {"a.txt": "a\n"})
    repositories = site.github.repositories
    repositories.commit("octo/a", tree({"a.txt": "A\n"}))
    site.github.gate.clear()
    async with site.worker() as engine:
        await site.ask(engine, project_id, "pull")
        await site.transfer_once(project_id, lambda it: it.phase == "fetching")
        rewritten(site, {"a.txt": "AA\n"})
        site.github.gate.set()
        ended = await site.ended(project_id)
    assert (ended.status, ended.error_code) == ("failed", "remote_moved")
    assert await site.texts(project_id) == {"a.txt": "a\n"}


async def test_losing_the_cache_in_the_middle_is_no_error(working: Site) -> None:
    project_id = await imported(working, {"a.txt": "a\n"})
    cache = await kept(working)
    for text in ("A\n", "AA\n"):
        working.github.repositories.commit("octo/a", tree({"a.txt": text}))
        assert (await working.pulled(project_id)).status == "completed"
        assert await working.texts(project_id) == {"a.txt": text}
        [repository] = cache.glob("*.git")
        (repository / "HEAD").write_text("broken")
        for pack in (repository / "objects" / "pack").iterdir():
            pack.unlink()
    working.github.repositories.commit("octo/a", tree({"a.txt": "AAA\n"}))
    assert (await working.pulled(project_id)).status == "completed"
    assert await working.texts(project_id) == {"a.txt": "AAA\n"}
