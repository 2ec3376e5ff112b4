"""Edits of several files at once, from the model to the store and the worker's disk."""

import pytest

from store.records import MessageStatus
from tests.jobs.message.site import TASK, Site
from tests.support.scripted_turns import ScriptedTurns, call, calls, says

pytestmark = pytest.mark.timeout(120)

PATCH = """*** Begin Patch
*** Update File: src/a.ts
*** Move to: lib/a.ts
@@
-one
+1
*** Add File: src/new.ts
+new
*** Delete File: old.ts
*** End Patch"""


async def entries_of(site: Site) -> dict[str, bytes | None]:
    """What the store has, by path; None for a folder."""
    entries = [e async for e in site.store.files.walk(site.project_id, owner=site.owner)]
    files = [entry.path for entry in entries if entry.kind == "file"]
    found = await site.store.files.read_many(site.project_id, files, owner=site.owner)
    data = {content.entry.path: content.data for content in found}
    return {entry.path: data.get(entry.path) for entry in entries}


async def test_folders_edits_and_patches_are_in_the_project_and_known_to_the_next_call(
    site: Site,
) -> None:
    files = {"src/a.ts": b"one\ntwo\n", "src/b.ts": b"three\r\n", "old.ts": b"x"}
    await site.store.files.write_many(site.project_id, files, owner=site.owner)
    edits = [
        {"path": "lib/a.ts", "oldString": "two", "newString": "2"},
        {"path": "src/b.ts", "oldString": "three", "newString": "3"},
    ]
    site.model = ScriptedTurns(
        [
            calls(
                call("c1", "createFolder", path="docs/empty"), call("c2", "applyPatch", patch=PATCH)
            ),
            calls(call("c3", "multiEdit", edits=edits), call("c4", "listFiles", path="docs/empty")),
            calls(call("c5", "readFile", path="lib/a.ts")),
            says("Done."),
        ]
    )
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    assert answer.status == MessageStatus.COMPLETED
    context = await site.store.messages.context(answer.message_id, max_chars=0)
    outputs = {each.tool_call_id: each.output for each in context.tool_calls}
    assert outputs == {
        "c1": "Successfully created folder docs/empty",
        "c2": "Successfully applied the patch:\n"
        "M lib/a.ts (moved from src/a.ts)\nA src/new.ts\nD old.ts",
        "c3": "Successfully made 2 edits in lib/a.ts, src/b.ts",
        "c4": "Directory is empty: docs/empty",
        "c5": "1\n2\n",
    }
    assert await entries_of(site) == {
        "docs": None,
        "docs/empty": None,
        "lib": None,
        "lib/a.ts": b"1\n2\n",
        "src": None,
        "src/b.ts": b"3\r\n",
        "src/new.ts": b"new\n",
    }


async def test_of_a_patch_that_does_not_fit_nothing_is_in_the_project(site: Site) -> None:
    files = {"src/a.ts": b"one\n", "old.ts": b"x"}
    await site.store.files.write_many(site.project_id, files, owner=site.owner)
    wrong = PATCH.replace("-one", "-eins")
    site.model = ScriptedTurns([calls(call("c1", "applyPatch", patch=wrong)), says("It failed.")])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    [done] = (await site.store.messages.context(answer.message_id, max_chars=0)).tool_calls
    assert done.status == "failed"
    assert done.output is not None
    assert done.output.startswith("The patch was not applied, and no file was changed:")
    assert await entries_of(site) == {"src": None, "src/a.ts": b"one\n", "old.ts": b"x"}
