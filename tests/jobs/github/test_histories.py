"""The commits that are kept for the next pull: each person's own, as long as there is room."""

import asyncio
import os
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.ids import OwnerId
from jobs.github.accounts import GithubServer
from jobs.github.git import Git, GitFailed, GitPrograms
from jobs.github.histories import Histories, HistoryRoom
from tests.support.github import File, Repositories

ANN, BOB = OwnerId("ann"), OwnerId("bob")
DAY_S = 86_400


class Cache:
    """A cache, and remotes that it is filled from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "cache"
        self.remotes = Repositories(folder / "remotes")
        self.programs = GitPrograms(GithubServer("file:///"))

    def of(self, room: HistoryRoom | None = None) -> Histories:
        return Histories(self.folder, SystemClock(), room or HistoryRoom())

    def made(self, name: str, size: int = 1) -> tuple[str, str]:
        """A remote: its address, and its commit."""
        path = self.remotes.make(name)
        return f"file://{path}", self.remotes.commit(name, [File(b"a", os.urandom(size))])

    def git(self, path: Path) -> Git:
        return self.programs.repository(path)

    async def fetched(self, histories: Histories, made: tuple[str, str], who: OwnerId) -> Path:
        url, commit = made
        async with histories.opened(url, who, self.git) as history:
            assert await history.fetch(commit, watch=lambda _: None)
            return history.git.folder

    @property
    def kept(self) -> set[Path]:
        return set(self.folder.iterdir())


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


async def test_what_was_fetched_is_there_for_the_same_person_alone(cache: Cache) -> None:
    made = cache.made("o/r")
    histories = cache.of()
    anns = await cache.fetched(histories, made, ANN)
    cache.remotes.path("o/r").rename(cache.folder.parent / "away")
    assert await cache.fetched(histories, made, ANN) == anns
    with pytest.raises(GitFailed):
        await cache.fetched(histories, made, BOB)


async def test_a_commit_that_the_remote_has_not_is_told_from_a_remote_that_is_away(
    cache: Cache,
) -> None:
    url, _ = cache.made("o/r")
    async with cache.of().opened(url, ANN, cache.git) as history:
        assert not await history.fetch("1" * 40, watch=lambda _: None)


async def test_the_same_commit_is_fetched_once_at_a_time(cache: Cache) -> None:
    made = cache.made("o/r")
    histories = cache.of()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(cache.fetched(histories, made, ANN))
    assert len(cache.kept) == 1


async def test_the_least_lately_used_goes_when_there_is_no_room(cache: Cache) -> None:
    one, other = cache.made("o/one", 300_000), cache.made("o/other", 300_000)
    histories = cache.of(HistoryRoom(most_bytes=500_000))
    first = await cache.fetched(histories, one, ANN)
    os.utime(first, (1, 1))
    second = await cache.fetched(
        cache.of(HistoryRoom(most_bytes=500_000, most_days=10**6)), other, ANN
    )
    assert cache.kept == {second}
    url, _ = other
    async with histories.opened(url, ANN, cache.git):
        await cache.fetched(histories, one, ANN)
        assert second in cache.kept  # it is in use


async def test_what_nobody_has_used_for_long_goes(cache: Cache) -> None:
    histories = cache.of(HistoryRoom(most_days=1))
    path = await cache.fetched(histories, cache.made("o/r"), ANN)
    long_ago = path.stat().st_mtime - 2 * DAY_S
    os.utime(path, (long_ago, long_ago))
    await histories.sweep()
    assert cache.kept == set()


async def test_a_relative_folder_is_where_the_process_is(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(cache.folder.parent)
    cache.folder = Path("relative")
    path = await cache.fetched(cache.of(), cache.made("o/r"), ANN)
    assert path == Path.cwd() / "relative" / path.name
    assert (path / "HEAD").exists()
