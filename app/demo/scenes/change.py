"""A folder becomes a project, and a message becomes edited files."""

import asyncio

from app.demo.project import files_of
from app.demo.stage import SAMPLE_PROJECT, DemoFailed, Stage, ms


async def play(stage: Stage) -> None:
    """Make the project that the next scenes work on, and have it changed."""
    await _make_project(stage)
    before = await stage.api.read_files(stage.project_id)
    async with stage.ask(stage.prompts.change) as answer:
        ended = await stage.read(answer)
    message = await stage.expect(ended, "completed")
    after = await stage.api.read_files(stage.project_id)
    stage.screen.end_of_text()
    changed = stage.screen.diff(before, after)
    stage.figures["model"] = str(message["model"]) + (" (scripted)" if stage.is_scripted else "")
    stage.figures["first_delta_ms"] = ms(ended.posted_at, ended.first_text_at)
    stage.figures["files_changed"] = changed
    if stage.is_scripted and changed == 0:
        raise DemoFailed("the first message changed no file")


async def _make_project(stage: Stage) -> None:
    folder = stage.options.project or SAMPLE_PROJECT
    files, left_out = await asyncio.to_thread(files_of, folder)
    if not files:
        raise DemoFailed(f"{folder} holds no files that git would keep")
    stage.project_id = await stage.api.create_project(folder.resolve().name)
    for path, data in files.items():
        await stage.api.write_file(stage.project_id, path, data)
    stage.conversation_id = await stage.api.create_conversation(stage.project_id, "Demo")
    more = f", {left_out} left out" if left_out else ""
    stage.screen.note(f"Project made of {len(files)} files from {folder}{more}.")
