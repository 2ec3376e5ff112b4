"""Twenty repositories, each with its own odd files, come back as the very same trees."""

import asyncio

import pytest

from engine import Engine
from tests.jobs.github.site import Site
from tests.support.github.odd import odd_repositories

pytestmark = pytest.mark.timeout(300)


A_FEW = ("names", "links", "encodings", "programs", "sizes", "order")


@pytest.mark.parametrize(
    "names", [A_FEW, pytest.param(tuple(odd_repositories()), marks=pytest.mark.thorough)], ids=len
)
async def test_import_then_export_gives_the_same_tree(site: Site, names: tuple[str, ...]) -> None:
    repositories = site.github.repositories
    slots = asyncio.Semaphore(4)

    async def copied(engine: Engine, name: str) -> None:
        async with slots:
            project_id = await site.ask_import(engine, f"octo/{name}")
            imported = await site.ended(project_id)
            assert (imported.status, imported.skipped_count) == ("completed", 0), (name, imported)
            more = {"mayCreate": True, "mustCreate": True}
            await site.ask_export(engine, project_id, f"{name}-copy", **more)
            exported = await site.ended(project_id)
            assert (exported.status, exported.error) == ("completed", None), name

    found = odd_repositories()
    for name in names:
        repositories.make(f"octo/{name}")
        repositories.commit(f"octo/{name}", found[name])
    async with site.worker() as engine, asyncio.TaskGroup() as tasks:
        for name in names:
            tasks.create_task(copied(engine, name))
    trees = {name: repositories.tree(f"octo/{name}") for name in names}
    assert trees == {name: repositories.tree(f"octo/{name}-copy") for name in names}


def test_there_are_twenty() -> None:
    assert len(odd_repositories()) == 20
