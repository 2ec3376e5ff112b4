"""`github.same_tree_sha`: of twenty odd repositories, how many came back as the same tree.

Each is imported into a project and exported to a repository of its own; what git calls their trees
is compared, which holds every name, mode and byte.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from bench.figures import say
from bench.github.rig import LOGIN, Rig, rig
from tests.support.github.odd import odd_repositories


async def measure(folder: Path) -> Mapping[str, float]:
    """Import and export them, four at a time."""
    found = odd_repositories()
    slots = asyncio.Semaphore(4)
    async with rig(folder, delay_ms=0) as running:

        async def one(name: str) -> bool:
            async with slots:
                return await _same(running, name)

        for name, files in found.items():
            await asyncio.to_thread(running.repositories.make, f"{LOGIN}/{name}")
            await asyncio.to_thread(running.repositories.commit, f"{LOGIN}/{name}", files)
        async with asyncio.TaskGroup() as tasks:
            results = {name: tasks.create_task(one(name)) for name in found}
    others = [name for name, result in results.items() if not result.result()]
    say(f"  {len(found) - len(others)} of {len(found)} trees are the same {others or ''}")
    return {"github.same_tree_sha": len(found) - len(others), "github.trees": len(found)}


async def _same(running: Rig, name: str) -> bool:
    asked = await running.api.ok("POST", "/api/github/import", {"url": f"{LOGIN}/{name}"})
    await running.ended(asked["projectId"])
    copy = f"{name}-copy"
    body = {"projectId": asked["projectId"], "repoName": copy, "visibility": "public"}
    await running.api.ok("POST", "/api/github/export", body)
    await running.ended(asked["projectId"])
    trees = [
        await asyncio.to_thread(running.repositories.tree, f"{LOGIN}/{each}")
        for each in (name, copy)
    ]
    return trees[0] == trees[1]
