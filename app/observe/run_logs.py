"""Log lines from inside a run or a step say which one it was."""

from typing import Any

from app.observe.logs import about
from engine import Middleware, RunCall, StepCall
from engine.middleware import Run, Step


class LoggedRuns(Middleware):
    """Gives lines the ids of their run and step; what a line says itself goes before."""

    async def on_run(self, call: RunCall, proceed: Run) -> Any:
        """The body of a run."""
        with about({"run_id": call.run_id, "job_id": call.job_id}):
            return await proceed(call)

    async def on_step(self, call: StepCall, proceed: Step) -> Any:
        """A step of it."""
        with about({"run_id": call.run_id, "step_id": call.step_id}):
            return await proceed(call)
