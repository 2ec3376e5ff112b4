"""A sentence becomes a project: made in eight steps, found wrong, mended, and verified."""

import asyncio
from collections.abc import Mapping
from typing import Any

from app.demo.stage import DemoFailed, Stage

DESCRIPTION = "A library that splits a bill between people to the cent, and says who pays whom."
STACK = "typescript-library"
MADE_S = 120.0
ASK_AGAIN_S = 0.25


async def play(stage: Stage) -> None:
    """Have it made, its log on the screen as it grows, and see what it was put to.

    The scripted one has a mistake that the type check finds, and needs no package.
    """
    if not stage.is_scripted:
        stage.figures["generated"] = "not run: a real model needs minutes for a whole project"
        stage.screen.note("[not run: a real model needs minutes for a whole project]")
        return
    stage.screen.asked(f"Generate project ▸ {DESCRIPTION}")
    project_id = await stage.api.generate(DESCRIPTION, projectName="cents", stack=STACK)
    async with asyncio.timeout(MADE_S):
        status = await _followed(stage, project_id)
    evidence: Mapping[str, Any] = status.get("verification") or {}
    stage.figures["generated_files"] = len(await stage.api.read_files(project_id))
    stage.figures["generated"] = _outcome(evidence)
    if status["status"] != "completed" or evidence.get("state") == "failed":
        why = status.get("error") or evidence.get("reason")
        raise DemoFailed(f"the generated project is {status['status']}: {why}")


async def _followed(stage: Stage, project_id: str) -> Mapping[str, Any]:
    shown = 0
    while True:
        status = await stage.api.generation(project_id)
        for event in status["events"][shown:]:
            stage.screen.note(f"  {event['type']:5} {str(event['message']).splitlines()[0]}")
        shown = len(status["events"])
        if status["status"] != "processing":
            return status
        await asyncio.sleep(ASK_AGAIN_S)


def _outcome(evidence: Mapping[str, Any]) -> str:
    """In one line: verified by which commands, or why it is not."""
    if evidence.get("state") != "verified":
        return f"not verified: {evidence.get('reason', 'it was not made')}"
    commands = ", ".join(check["command"] for check in evidence["checks"])
    return f"verified by {commands}; repairs: {evidence['repairs']}"
