"""A repository becomes a project and goes back: first the same tree, then one commit more."""

from time import monotonic
from typing import Any

from app.demo.github import GitMissing
from app.demo.stage import SAMPLE_PROJECT, DemoFailed, Stage, ms

CHANGE = (
    "Write CONTRIBUTING.md: two sentences on how to run the tests and how to send a change. "
    "Touch no other file."
)


async def play(stage: Stage) -> None:
    """Import, export as it is, have the agent change it, export the change.

    GitHub is a server of this process: the demo uses no network.
    """
    try:
        await stage.github.make("settle", SAMPLE_PROJECT)
    except GitMissing as missing:
        stage.figures["github"] = f"not run: {missing}"
        stage.screen.note(f"[not run: {missing}]")
        return
    stage.screen.note(f"A GitHub of our own is at {stage.github.url}, with the sample in it.")
    began_at = monotonic()
    project_id = await stage.api.import_repository(f"{stage.github.page('settle')}.git")
    imported = await _completed(stage, project_id)
    stage.figures["import_ms"] = ms(began_at, monotonic())
    stage.screen.note(f"[imported {imported['done']} files of commit {imported['commit']}]")
    await stage.api.export(project_id, repoName="settle-copy", visibility="private")
    await _completed(stage, project_id)
    stage.figures["tree_imported"] = await stage.github.tree("settle")
    stage.figures["tree_exported"] = await stage.github.tree("settle-copy")
    if stage.figures["tree_imported"] != stage.figures["tree_exported"]:
        raise DemoFailed(f"import and export do not give the same tree: {stage.figures}")
    await _change(stage, project_id)
    target = stage.github.page("settle-copy")
    await stage.api.export(project_id, repoUrl=target, commitMessage="Say how to contribute")
    pushed = await _completed(stage, project_id)
    log = await stage.github.log("settle-copy")
    stage.screen.note("\n".join(["[pushed; the branch has now]", *log]))
    stage.figures["pushed_commit"] = pushed["commit"]
    if stage.is_scripted and len(log) != 2:  # noqa: PLR2004 - as it came, and the change
        raise DemoFailed(f"the change did not become one commit: {log}")


async def _change(stage: Stage, project_id: str) -> None:
    conversation_id = await stage.api.create_conversation(project_id, "Demo of GitHub")
    async with stage.ask(CHANGE, conversation_id) as answer:
        ended = await stage.read(answer)
    stage.screen.end_of_text()
    await stage.expect(ended, "completed")


async def _completed(stage: Stage, project_id: str) -> dict[str, Any]:
    transfer = await stage.api.transfer_over(project_id)
    if transfer["status"] != "completed":
        raise DemoFailed(f"the {transfer['kind']} {transfer['status']}: {transfer.get('error')}")
    return transfer
