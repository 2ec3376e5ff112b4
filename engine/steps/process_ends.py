"""What would end the process, raised by a step or a job: it ends that step or job instead."""

import asyncio
import dis
import signal
import threading
import traceback
from typing import Any

from engine.errors import NonRetriable


def failure_of(error: BaseException, task: asyncio.Task[Any] | None) -> Exception:
    """What a step or body of this task has failed with that raised `error`.

    An Exception is its own failure. `sys.exit()` and the like would end the whole loop, and every
    run with it: they are a NonRetriable. Raised again are a cancel, a Ctrl-C of the process, and
    the GeneratorExit that closes a suspended coroutine: the task does not run then.
    """
    if isinstance(error, Exception):
        return error
    if isinstance(error, asyncio.CancelledError):
        raise error
    if isinstance(error, KeyboardInterrupt) and _is_ctrl_c(error):
        raise error
    if isinstance(error, GeneratorExit) and not _runs(task):
        raise error
    return NonRetriable(
        f"{type(error).__name__} was raised: code of a job must not end the process it runs in; "
        "return, or raise an Exception",
        cause=error,
    )


def _is_ctrl_c(error: KeyboardInterrupt) -> bool:
    """Whether a signal has raised it, in the midst of whatever ran, and no `raise` of that code."""
    if threading.current_thread() is not threading.main_thread():
        return False
    handler: Any = signal.getsignal(signal.SIGINT)
    while hasattr(handler, "func"):  # asyncio's is a functools.partial
        handler = handler.func
    frames = list(traceback.walk_tb(error.__traceback__))
    if handler is not signal.default_int_handler:
        code = getattr(handler, "__code__", None)
        return any(frame.f_code is code for frame, _ in frames)
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    if innermost is None:
        return True
    instruction = innermost.tb_frame.f_code.co_code[innermost.tb_lasti]
    return dis.opname[instruction] != "RAISE_VARARGS"


def _runs(task: asyncio.Task[Any] | None) -> bool:
    try:
        return asyncio.current_task() is task
    except RuntimeError:  # no loop runs
        return False
