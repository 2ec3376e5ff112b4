"""An edit makes a type error; the agent sees it, mends it, and runs the project's tests."""

from app.demo.calls import calls_of, how_tests_ended
from app.demo.stage import DemoFailed, Stage


async def play(stage: Stage) -> None:
    """Ask for a change that breaks callers; only the demo's own project is known well enough."""
    if stage.prompts.mended is None:
        stage.screen.note("[this scene needs the demo's project]")
        return
    async with stage.ask(stage.prompts.mended) as answer:
        ended = await stage.read(answer)
    stage.screen.end_of_text()
    calls = await calls_of(stage.api, await stage.expect(ended, "completed"))
    for call in calls:
        stage.screen.call(call.name, call.arguments, call.shown)
    tests = how_tests_ended(calls)
    stage.figures["type_errors_seen"] = sum(len(call.errors) for call in calls)
    stage.figures["tests"] = tests
    was_run = not tests.startswith("not run")
    if not was_run:
        stage.screen.note(f"[the project's tests were {tests}]")
    is_wrong = was_run and (stage.figures["type_errors_seen"] == 0 or tests != "passed")
    if stage.is_scripted and is_wrong:
        raise DemoFailed(f"the edit's error was not seen, or not mended: {stage.figures}")
