"""How values and exceptions are written to the database: JSON text, every exception included."""

import json
from dataclasses import dataclass
from typing import Any

from engine.errors import ErrorCause, NonRetriable, RunFailed, StepFailed
from engine.storage.stacks import stack_text

_ERROR = "$error"
_STEP = "$step"
KEPT_CAUSES = 3


@dataclass(frozen=True)
class Recorded:
    """What is stored of a step: its result, what its function was called with, and its kind.

    Old code has stored the bare result of every kind but `run`.
    """

    output: Any
    input: dict[str, Any] | None = None
    kind: str = "run"


class StoredError(Exception):
    """An exception read back from the database whose class is not one of ours."""

    def __init__(
        self,
        name: str,
        message: str,
        *,
        code: str | None = None,
        cause: ErrorCause | None = None,
        stack: str | None = None,
    ) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message
        self.code = code
        self.cause = cause
        self.stack = stack


def text_of(error: BaseException) -> str:
    """`str(error)`, or a note where the exception cannot even be printed."""
    try:
        return str(error)[:4000]  # long enough for any message worth storing
    except Exception:  # noqa: BLE001 - a broken __str__ must not lose the failure
        return "(the exception has no printable text)"


def code_of(error: BaseException) -> str | None:
    """The `code` that an exception's class declares, by which it is known across the engine.

    One that has been read back has that of what it stands for. An attribute of the object alone
    does not count: `SystemExit` and errors of HTTP have numbers of that name.
    """
    if isinstance(error, (StepFailed, RunFailed, StoredError)):
        return error.code
    code = getattr(type(error), "code", None)
    return code if isinstance(code, str) else None


def cause_of(error: BaseException) -> ErrorCause | None:
    """What a `NonRetriable` was raised from; one that has been read back has kept it."""
    if isinstance(error, (StepFailed, RunFailed, StoredError)):
        return error.cause
    if not isinstance(error, NonRetriable):
        return None
    found: list[BaseException] = []
    cause = error.__cause__
    while cause is not None and len(found) < KEPT_CAUSES:
        found.append(cause)
        cause = cause.__cause__
    kept = None
    for each in reversed(found):
        fields = error_fields(each)
        kept = ErrorCause(fields["name"], fields["message"], fields.get("code"), kept)
    return kept


def stack_of(error: BaseException) -> str | None:
    """Where it was raised; one that has been read back has kept it, where old code has not."""
    if isinstance(error, (StepFailed, RunFailed, StoredError)):
        return error.stack
    return stack_text(error)


def cause_fields(cause: ErrorCause) -> dict[str, Any]:
    """A cause as JSON."""
    return {
        "name": cause.name,
        "message": cause.message,
        **({} if cause.code is None else {"code": cause.code}),
        **({} if cause.cause is None else {"cause": cause_fields(cause.cause)}),
    }


def cause_from(fields: dict[str, Any] | None) -> ErrorCause | None:
    """The inverse of `cause_fields`; None where nothing is stored."""
    if fields is None:
        return None
    below = cause_from(fields.get("cause"))
    return ErrorCause(fields["name"], fields["message"], fields.get("code"), below)


def error_fields(error: BaseException) -> dict[str, Any]:
    """An exception as JSON: `StepFailed` and `RunFailed` whole, others by name, text and code.

    `code`, `cause` and `stack` stand only where there is one: old code has stored none of them.
    """
    fields = _own_fields(error)
    code, cause, stack = code_of(error), cause_of(error), stack_of(error)
    if code is not None:
        fields["code"] = code
    if stack is not None:
        fields["stack"] = stack
    if cause is not None:
        fields["cause"] = cause_fields(cause)
    return fields


def _own_fields(error: BaseException) -> dict[str, Any]:
    if isinstance(error, StepFailed):
        return {
            "kind": "StepFailed",
            "step_id": error.step_id,
            "name": error.name,
            "message": error.message,
            "attempts": error.attempts,
            **({} if error.input is None else {"input": error.input}),
            **({} if error.kind is None else {"step_kind": error.kind}),
        }
    if isinstance(error, RunFailed):
        return {
            "kind": "RunFailed",
            "run_id": error.run_id,
            "name": error.name,
            "message": error.message,
            "step_id": error.step_id,
        }
    if isinstance(error, StoredError):
        return {"kind": "other", "name": error.name, "message": error.message}
    return {"kind": "other", "name": type(error).__name__, "message": text_of(error)}


def error_from(fields: dict[str, Any]) -> Exception:
    """The inverse of `error_fields`."""
    name, message, code = fields["name"], fields["message"], fields.get("code")
    cause = cause_from(fields.get("cause"))
    match fields["kind"]:
        case "StepFailed":
            step_id, attempts = fields["step_id"], fields["attempts"]
            failed = StepFailed(step_id, name, message, attempts=attempts, code=code, cause=cause)
            failed.input, failed.kind = fields.get("input"), fields.get("step_kind")
            failed.stack = fields.get("stack")
            return failed
        case "RunFailed":
            run_id, step_id = fields["run_id"], fields["step_id"]
            run_failed = RunFailed(run_id, name, message, step_id=step_id, code=code, cause=cause)
            run_failed.stack = fields.get("stack")
            return run_failed
        case _:
            return StoredError(name, message, code=code, cause=cause, stack=fields.get("stack"))


def _encodable(value: object) -> object:
    if isinstance(value, BaseException):
        return {_ERROR: error_fields(value)}
    if isinstance(value, Recorded):
        if value.kind == "run":
            return {_STEP: {"input": value.input, "output": value.output}}
        return {_STEP: {"kind": value.kind, "output": value.output}}
    raise NonRetriable(f"{type(value).__name__} is not JSON; return a model, a dataclass or JSON")


def dumps(value: object) -> str:
    """JSON text of a value that may be, or hold, an exception or a recorded step.

    Raises:
        NonRetriable: something in it is not JSON.
    """
    try:
        return json.dumps(value, separators=(",", ":"), default=_encodable)
    except ValueError as error:
        raise NonRetriable(f"the value is not JSON: {error}") from error


def loads(text: str) -> Any:
    """The inverse of `dumps`."""
    value: Any = json.loads(text)
    match value:
        case {"$error": {"kind": str()} as fields, **rest} if not rest:
            return error_from(fields)
        case {"$step": {"output": output, **of_step}, **rest} if not rest:
            return Recorded(output, of_step.get("input"), of_step.get("kind", "run"))
        case _:
            return value
