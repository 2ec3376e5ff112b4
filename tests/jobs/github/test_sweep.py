"""What is kept of repositories on a worker's disk goes with their projects and people."""

from pathlib import Path

from core.ids import OwnerId
from jobs.github.sweep import RepositorySweeper
from jobs.github.work import remove_repositories
from tests.jobs.github.site import Site
from tests.support.github import File

SOMEBODY = OwnerId("somebody-who-never-was")


def kept(site: Site) -> list[Path]:
    return sorted((site.folder / "repositories" / "histories").glob("*.git"))


async def test_histories_go_with_the_last_project_of_their_person(site: Site) -> None:
    site.github.repositories.make("octo/sweep")
    site.github.repositories.commit("octo/sweep", [File(b"a.txt", b"a")])
    project_id, _ = await site.imported("octo/sweep")
    work = site.work()
    sweeper = RepositorySweeper(site.store, work)
    assert await sweeper.sweep() == 0
    (of_owner,) = kept(site)
    url = work.server.git_url("octo/sweep")
    async with work.histories.opened(url, SOMEBODY, work.programs.repository):
        assert await sweeper.sweep() == 1
        assert len(kept(site)) == 2, "one that is in use stays until it is not"
    assert await sweeper.sweep() == 1
    assert kept(site) == [of_owner]
    await site.store.projects.delete(project_id, owner=site.owner)
    for project in (await site.store.projects.list(owner=site.owner)).items:
        await site.store.projects.delete(project.project_id, owner=site.owner)
    assert await sweeper.sweep() == 1
    assert kept(site) == []


async def test_repositories_of_transfers_go_with_their_project(
    site: Site,
) -> None:
    work = site.work()
    work.folder.mkdir(parents=True, exist_ok=True)
    sweeper = RepositorySweeper(site.store, work)
    folders: list[Path] = []
    projects = [await site.store.projects.create(owner=site.owner, name=name) for name in "ab"]
    for project in projects:
        async with work.repository(project.project_id, site.owner) as git:
            folders.append(git.folder)
    assert await sweeper.sweep() == 0
    await site.store.projects.delete(projects[0].project_id, owner=site.owner)
    assert await sweeper.sweep() == 1
    assert [folder.exists() for folder in folders] == [False, True]


async def test_a_start_removes_what_a_killed_worker_has_left_but_no_history(site: Site) -> None:
    folder = site.folder / "repositories"
    for name in ("histories/one.git", "two.git", "archive-three"):
        (folder / name).mkdir(parents=True)
    (folder / "held").touch()
    remove_repositories(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["held", "histories"]
    assert (folder / "histories" / "one.git").is_dir()
