"""How values and exceptions are written to the database: JSON text, every exception included."""

import json
from dataclasses import dataclass
from typing import Any

from engine.errors import NonRetriable, RunFailed, StepFailed

_ERROR = "$error"
_STEP = "$step"


@dataclass(frozen=True)
class Recorded:
    """What is stored of a step that calls a function: its result, and what it was called with."""

    output: Any
    input: dict[str, Any] | None = None


class StoredError(Exception):
    """An exception read back from the database whose class is not one of ours."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


def text_of(error: BaseException) -> str:
    """`str(error)`, or a note where the exception cannot even be printed."""
    try:
        return str(error)[:4000]  # long enough for any message worth storing
    except Exception:  # noqa: BLE001 - a broken __str__ must not lose the failure
        return "(the exception has no printable text)"


def error_fields(error: BaseException) -> dict[str, Any]:
    """An exception as JSON: `StepFailed` and `RunFailed` whole, others by name and text."""
    if isinstance(error, StepFailed):
        return {
            "kind": "StepFailed",
            "step_id": error.step_id,
            "name": error.name,
            "message": error.message,
            "attempts": error.attempts,
            **({} if error.input is None else {"input": error.input}),
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
    match fields["kind"]:
        case "StepFailed":
            failed = StepFailed(
                fields["step_id"], fields["name"], fields["message"], attempts=fields["attempts"]
            )
            failed.input = fields.get("input")
            return failed
        case "RunFailed":
            return RunFailed(
                fields["run_id"], fields["name"], fields["message"], step_id=fields["step_id"]
            )
        case _:
            return StoredError(fields["name"], fields["message"])


def _encodable(value: object) -> object:
    if isinstance(value, BaseException):
        return {_ERROR: error_fields(value)}
    if isinstance(value, Recorded):
        return {_STEP: {"input": value.input, "output": value.output}}
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
        case {"$step": {"input": given, "output": output}, **rest} if not rest:
            return Recorded(output, given)
        case _:
            return value
