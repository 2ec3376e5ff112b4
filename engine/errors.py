"""What goes wrong in jobs and in the engine, as classes a caller can catch."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.errors import Conflict, NotFound, Refused, Transient
from engine.duration import retry_time


class NonRetriable(Exception):
    """A step or job body raises this to fail at once: no more attempts.

    What it is raised `from`, or its `cause`, is kept with the failure: see `ErrorCause`.
    """

    def __init__(self, *args: object, cause: BaseException | None = None) -> None:
        super().__init__(*args)
        if cause is not None:
            self.__cause__ = cause


class RetryAfter(Exception):
    """A step or job body raises this to choose when its next attempt starts.

    `after` is seconds (a negative number is now), a duration text such as "30s" or "5m", a
    timedelta, an aware datetime, or the value of a `Retry-After` header: seconds or an HTTP date.
    The attempt still counts: past the last one the step fails.

    Raises:
        ValueError: `after` is none of these, or a datetime without a time zone.
    """

    def __init__(self, message: str, after: float | str | timedelta | datetime) -> None:
        super().__init__(message)
        self.after = retry_time(after)
        """Seconds, or a time."""

    def delay_s(self, now: datetime) -> float:
        """Seconds from `now` until the next attempt; never negative."""
        if isinstance(self.after, datetime):
            return max(0.0, (self.after - now).total_seconds())
        return self.after


@dataclass(frozen=True)
class ErrorCause:
    """What a `NonRetriable` was raised from, and that from something else: at most three of them.

    `code` is that of its class, where that has one.
    """

    name: str
    message: str
    code: str | None = None
    cause: "ErrorCause | None" = None


class StepFailed(Exception):
    """A step used up its attempts (or raised NonRetriable). Catch it in the job to fall back.

    `name`, `message`, `code` and `cause` are those of the step's last exception: tell failures
    apart by `code`, which is that of its class, and None where that has none (or old code has
    stored it). The same object comes out of a replay, so it carries no traceback and no
    `__cause__`.
    """

    def __init__(  # noqa: PLR0913 - what is stored of a failure
        self,
        step_id: str,
        name: str,
        message: str,
        *,
        attempts: int = 1,
        code: str | None = None,
        cause: ErrorCause | None = None,
    ) -> None:
        super().__init__(f"step {step_id!r} failed after {attempts} attempt(s): {name}: {message}")
        self.step_id = step_id
        self.name = name
        self.message = message
        self.attempts = attempts
        self.code = code
        self.cause = cause
        self.input: dict[str, Any] | None = None
        """What the step was called with, as it is shown to people."""
        self.kind: str | None = None
        """The kind of step; None where old code has stored it."""
        self.stack: str | None = None
        """Where its last exception was raised, for people; None where old code has stored it."""


class RunFailed(Exception):
    """A run ended in failure; raised by `Engine.result` and by `step.invoke`.

    `name`, `message`, `code` and `cause` are those of what failed it: see `StepFailed`.
    """

    def __init__(  # noqa: PLR0913 - as above
        self,
        run_id: str,
        name: str,
        message: str,
        *,
        step_id: str | None = None,
        code: str | None = None,
        cause: ErrorCause | None = None,
    ) -> None:
        super().__init__(f"run {run_id!r} failed: {name}: {message}")
        self.run_id = run_id
        self.name = name
        self.message = message
        self.step_id = step_id
        self.code = code
        self.cause = cause
        self.stack: str | None = None
        """As of `StepFailed`."""


class RunCancelled(Exception):
    """The run that was waited for has been cancelled."""

    code = "run_cancelled"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id!r} was cancelled")
        self.run_id = run_id


class InvokeTimeout(Exception):
    """A child did not end within the `timeout` of `step.invoke`; it goes on all the same."""

    code = "invoke_timeout"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id!r} has not ended in time; it goes on")
        self.run_id = run_id


class NoSuchRun(NotFound):
    """No run has this id, or it has been swept."""

    code = "no_such_run"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"no run {run_id!r}; finished runs are swept after the retention time")
        self.run_id = run_id


class NoSuchStep(NotFound):
    """The run has recorded no step of this id."""

    code = "no_such_step"

    def __init__(self, run_id: str, step_id: str, known: list[str]) -> None:
        super().__init__(f"run {run_id!r} has no step {step_id!r}; it has {known}")
        self.run_id = run_id
        self.step_id = step_id


class NoSuchJob(NotFound):
    """This engine was given no job of this id."""

    code = "no_such_job"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"no job {job_id!r} was given to this engine")
        self.job_id = job_id


class CannotReplay(Conflict):
    """The run is in no state to be repeated."""

    code = "cannot_replay"

    def __init__(self, run_id: str, why: str) -> None:
        super().__init__(f"run {run_id!r} {why}")
        self.run_id = run_id


class BadExpression(Refused):
    """A CEL expression that came with a call does not parse, or names what is not there."""

    code = "bad_expression"


class BadJob(Refused):
    """A job's definition is wrong; found where it is written, before anything runs."""

    code = "bad_job"

    def __init__(self, job_id: str, what: str) -> None:
        super().__init__(f"job {job_id!r}: {what}")
        self.job_id = job_id


class BadEvent(Refused):
    """An event was refused; nothing of the `send` that held it was stored."""

    code = "bad_event"

    def __init__(self, event_name: str, what: str) -> None:
        super().__init__(f"event {event_name!r}: {what}")
        self.event_name = event_name


class BadDatabase(Refused):
    """The engine was given no database that it can keep runs in."""

    code = "bad_database"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is no database of an engine; give it 'sqlite:///engine.db', "
            "'postgresql://…', SqliteDatabase(Path(…)) or PostgresDatabase('postgresql://…')"
        )


class DatabaseInUse(Conflict):
    """Another process holds this SQLite file."""

    code = "database_in_use"

    def __init__(self, path: str, holder: str) -> None:
        super().__init__(
            f"{path!r} is in use by process {holder or '(unknown)'}: one process per SQLite file; "
            "stop it, or use PostgreSQL for several"
        )


class DatabaseTooNew(Conflict):
    """The tables were made by a newer version of the engine."""

    code = "database_too_new"

    def __init__(self, found: int, known: int) -> None:
        super().__init__(f"the database has engine tables v{found}, this code knows v{known}")


class RunLost(asyncio.CancelledError):
    """The run was cancelled, or is another process's: it unwinds as one that is interrupted."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id} is no longer ours")


class DatabaseAway(Transient):
    """The database could not be reached. What was asked for may have been stored all the same."""

    code = "database_away"

    def __init__(self, reason: str | None = None) -> None:
        """`reason` is what the driver says. Without it there is advice for whoever has sent."""
        super().__init__(
            "the database cannot be reached; ask again when it is back: an event that is sent "
            "again with the same event_id starts nothing twice"
            if reason is None
            else f"the database cannot be reached: {' '.join(reason.split())}"
        )


class DatabaseFull(Transient):
    """The database has no room: nothing of what was asked for has been stored."""

    code = "database_full"

    def __init__(self) -> None:
        super().__init__(
            "the database has no room, and nothing was stored; free some and ask again"
        )


class EngineNotRunning(Refused):
    """The engine was used outside `async with engine`."""

    code = "engine_not_running"

    def __init__(self) -> None:
        super().__init__("the engine is not running; use it inside `async with engine`")


class NotProvided(Exception):
    """`ctx.need` asked for a type that was not given to `Engine(provide=…)`."""

    def __init__(self, wanted: type[object]) -> None:
        super().__init__(f"nothing of type {wanted.__name__} was given to Engine(provide=[…])")
