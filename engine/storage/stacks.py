"""Where an exception was raised, as text for people to look at."""

import traceback
from collections import deque
from pathlib import Path

MAX_FRAMES = 12  # the innermost: what a person looks at first
MAX_CAUSES = 3
MAX_CAUSE_CHARS = 300
_ROOT = f"{Path(__file__).resolve().parents[2]}/"
_OURS = "engine/"


def stack_text(error: BaseException) -> str | None:
    """The calls, the innermost last, and the same of what it was raised from.

    Lines of code and values are not in it. None where the exception was never raised.
    """
    parts: list[str] = []
    while len(parts) <= MAX_CAUSES:
        parts.append("\n".join(_frames(error)))
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None:
            break
        parts[-1] += f"\nfrom {type(cause).__name__}: {_text(cause)}"
        error = cause
    return "\n".join(filter(None, (part.strip() for part in parts))) or None


def _frames(error: BaseException) -> list[str]:
    frames = deque(traceback.walk_tb(error.__traceback__), MAX_FRAMES)
    lines = [
        f"{_short(frame.f_code.co_filename)}:{line} in {frame.f_code.co_name}"
        for frame, line in frames
    ]
    of_job = 0  # how the engine came to call it tells nothing
    for at, line in enumerate(lines, 1):
        if line.startswith(_OURS):
            of_job = at
    return lines[of_job:] or lines


def _short(filename: str) -> str:
    """Below the folder of packages, or of ours."""
    _, _, installed = filename.rpartition("/site-packages/")
    return (installed or filename).removeprefix(_ROOT)


def _text(error: BaseException) -> str:
    try:
        return str(error)[:MAX_CAUSE_CHARS]
    except Exception:  # noqa: BLE001 - a broken __str__ must not lose the failure
        return ""
