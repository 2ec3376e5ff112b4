"""`undo`, from the model to the store: the agent takes its own changes back."""

import pytest

from llm.model import Turn
from store.records import Message, MessageStatus
from tests.jobs.message.site import TASK, Site
from tests.jobs.message.test_edits import entries_of
from tests.support.scripted_turns import ScriptedTurns, call, calls, says

pytestmark = pytest.mark.timeout(120)

LINES = "".join(f"line {number};\n" for number in range(20))
EDIT = {"path": "a.txt", "oldString": "line 2;", "newString": "LINE 2;"}


async def given(site: Site) -> dict[str, bytes | None]:
    files = {"a.txt": LINES.encode(), "src/b.bin": bytes(range(256)), "old.txt": b"old\n"}
    await site.store.files.write_many(site.project_id, files, owner=site.owner)
    return await entries_of(site)


async def answered(site: Site, *turns: Turn) -> tuple[Message, dict[str, str | None]]:
    site.model = ScriptedTurns([*turns, says("Done.")])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    assert answer.status == MessageStatus.COMPLETED
    context = await site.store.messages.context(answer.message_id, max_chars=0)
    return answer, {each.tool_call_id: each.output for each in context.tool_calls}


async def test_a_turn_is_undone_byte_for_byte_and_then_the_one_before_it(site: Site) -> None:
    before = await given(site)
    _, outputs = await answered(
        site,
        calls(call("c1", "editFile", **EDIT), call("c2", "createFolder", path="empty")),
        calls(
            call("c3", "deleteFile", path="src"),
            call("c4", "writeFile", path="new/deep/c.txt", content="c\n"),
        ),
        calls(call("c5", "undo")),
        calls(call("c6", "readFile", path="src/b.bin"), call("c7", "undo")),
        calls(call("c8", "undo")),
    )
    assert outputs["c5"] == ("Brought back: src, src/b.bin\nRemoved: new, new/deep, new/deep/c.txt")
    assert outputs["c7"] == "Brought back: a.txt\nRemoved: empty"
    assert outputs["c8"] is not None
    assert outputs["c8"].startswith("There is nothing to undo")
    assert await entries_of(site) == before


async def test_what_one_turn_undoes_twice_is_not_redone_by_the_next(site: Site) -> None:
    before = await given(site)
    _, outputs = await answered(
        site,
        calls(call("c1", "deleteFile", path="old.txt")),
        calls(call("c2", "deleteFile", path="src")),
        calls(call("c3", "editFile", **EDIT)),
        calls(call("c4", "undo"), call("c5", "undo")),
        calls(call("c6", "undo")),
    )
    assert [outputs[each] for each in ("c4", "c5", "c6")] == [
        "Brought back: a.txt",
        "Brought back: src, src/b.bin",
        "Brought back: old.txt",
    ]
    assert await entries_of(site) == before


async def test_an_edit_in_the_turn_of_an_undo_is_undone_with_it(site: Site) -> None:
    await given(site)
    _, outputs = await answered(
        site,
        calls(call("c1", "deleteFile", path="old.txt")),
        calls(call("c2", "undo"), call("c3", "editFile", **EDIT)),
        calls(call("c4", "undo")),
    )
    assert outputs["c2"] == "Brought back: old.txt"
    assert outputs["c4"] == "Brought back: a.txt\nRemoved: old.txt"


async def test_an_undo_is_on_the_disk_for_the_next_call_and_can_be_undone_itself(
    site: Site,
) -> None:
    before = await given(site)
    _, outputs = await answered(
        site,
        calls(call("c1", "editFile", **EDIT)),
        calls(call("c2", "undo")),
        calls(call("c3", "readFile", path="a.txt", limit=3)),
    )
    assert outputs["c3"] is not None
    assert "line 2;" in outputs["c3"]
    assert await entries_of(site) == before
    newest, _ = (await site.store.checkpoints.list(site.project_id, owner=site.owner)).items
    await site.store.checkpoints.restore(site.project_id, newest.checkpoint_id, owner=site.owner)
    after = await entries_of(site)
    assert after == before | {"a.txt": LINES.replace("line 2;", "LINE 2;").encode()}


async def test_only_some_paths_are_undone(site: Site) -> None:
    before = await given(site)
    _, outputs = await answered(
        site,
        calls(call("c1", "editFile", **EDIT), call("c2", "deleteFile", path="old.txt")),
        calls(call("c3", "undo", paths=["old.txt"])),
        calls(call("c4", "undo", paths=["old.txt"])),
        calls(call("c5", "undo", paths=["./a.txt"])),
        calls(call("c6", "undo", paths=["../a.txt"])),
    )
    assert outputs["c3"] == "Brought back: old.txt"
    assert outputs["c4"] is not None
    assert "There is nothing to undo" in outputs["c4"]
    assert outputs["c5"] == "Brought back: a.txt"
    assert outputs["c6"] is not None
    assert "outside" in outputs["c6"] or "project" in outputs["c6"]
    assert await entries_of(site) == before


async def test_a_later_answer_undoes_what_an_earlier_one_did_and_keeps_a_persons_edits(
    site: Site,
) -> None:
    before = await given(site)
    await answered(
        site,
        calls(call("c1", "editFile", **EDIT), call("c2", "deleteFile", path="old.txt")),
    )
    mine = LINES.replace("line 2;", "LINE 2;").replace("line 15;", "mine;").encode()
    await site.store.files.write(site.project_id, "a.txt", mine, owner=site.owner)
    await site.store.files.write(site.project_id, "old.txt", b"mine\n", owner=site.owner)
    await site.store.files.write(site.project_id, "other.txt", b"mine\n", owner=site.owner)
    _, outputs = await answered(site, calls(call("c3", "undo")))
    assert outputs["c3"] == (
        "Brought back, with what others have changed since: a.txt\n"
        "Left as they are:\n- old.txt: something else stands there now"
    )
    assert await entries_of(site) == before | {
        "a.txt": LINES.replace("line 15;", "mine;").encode(),
        "old.txt": b"mine\n",
        "other.txt": b"mine\n",
    }


async def test_what_another_conversation_did_is_not_undone(site: Site) -> None:
    before = await given(site)
    await answered(site, calls(call("c1", "editFile", **EDIT)))
    other = await site.store.conversations.create(site.project_id, owner=site.owner, title="Two")
    first, site.conversation_id = site.conversation_id, other.conversation_id
    _, outputs = await answered(
        site, calls(call("c1", "undo")), calls(call("c2", "deleteFile", path="old.txt"))
    )
    assert outputs["c1"] is not None
    assert outputs["c1"].startswith("There is nothing to undo")
    site.conversation_id = first
    await answered(site, calls(call("c1", "undo")))
    after = dict(before)
    del after["old.txt"]
    assert await entries_of(site) == after


async def test_an_undo_of_files_and_folders_that_a_person_fills_meanwhile_removes_nothing_of_theirs(
    site: Site,
) -> None:
    await given(site)
    await answered(site, calls(call("c1", "writeFile", path="new/c.txt", content="c\n")))
    await site.store.files.write(site.project_id, "new/mine.txt", b"mine\n", owner=site.owner)
    _, outputs = await answered(site, calls(call("c1", "undo")))
    assert outputs["c1"] == (
        "Removed: new/c.txt\nLeft as they are:\n- new: it holds something else"
    )
    assert (await entries_of(site))["new/mine.txt"] == b"mine\n"
