"""A long-running command: one ready line on stdout, logs on stderr, a clean stop on SIGTERM."""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from typing import Any

import typer

from app.observe.logs import set_up_logging
from app.settings import Settings, SettingsInvalid, load_settings
from core.collection import paused_collection
from core.errors import Refused, Transient

log = logging.getLogger(__name__)

Service = Callable[[Settings], AbstractAsyncContextManager[Mapping[str, object]]]

PRIVATE = 0o077
SETTINGS_WRONG = 2
START_FAILED = 1


def settings_or_exit(**overrides: object) -> Settings:
    """Settings with the command's options over them; a wrong one ends the process with code 2."""
    try:
        return load_settings(**overrides)
    except SettingsInvalid as wrong:
        raise _refused(wrong, SETTINGS_WRONG) from None


def run_service(service: Service, settings: Settings) -> None:
    """Open `service`, print its ready line, keep it until SIGTERM or SIGINT, close it.

    A second signal while it closes ends the process at once. What makes the start fail is one line
    on stderr and exit code 1 (2 when it is a setting); a bug is logged with its traceback.
    """
    os.umask(PRIVATE)  # people's projects are on this disk: no other user of the machine reads them
    set_up_logging(settings.log_level, settings.log_format)
    with _reports(settings):
        try:
            asyncio.run(_keep(service, settings))
        except Exception as error:  # noqa: BLE001 - the rim of the process; a bug is logged there
            raise _exit_of(error) from None


@contextmanager
def _reports(settings: Settings) -> Generator[None]:
    if settings.sentry_dsn is None:
        yield
        return
    from app.observe.sentry import start_sentry, stop_sentry  # noqa: PLC0415 - its SDK, for who reports

    start_sentry(settings)
    try:
        yield
    finally:
        stop_sentry()


def run_command(work: Callable[[], Coroutine[Any, Any, None]], settings: Settings) -> None:
    """Do one thing and end; errors as in `run_service`, and Ctrl-C is no error."""
    set_up_logging("WARNING", settings.log_format)
    try:
        asyncio.run(work())
    except KeyboardInterrupt:
        return
    except Exception as error:  # noqa: BLE001 - the rim of the process; a bug is logged there
        raise _exit_of(error) from None


def _exit_of(error: Exception) -> typer.Exit:
    """How the process ends: a line on stderr for what people can change, a traceback for a bug."""
    # With such an error at hand they are loaded; before, they are what a start waits for.
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - see above

    from embedded_convex.process import ConvexNotRunning  # noqa: PLC0415 - see above

    match _cause(error):
        case SettingsInvalid() as wrong:
            return _refused(wrong, SETTINGS_WRONG)
        case Refused() | Transient() | ConvexNotRunning() | OSError() as failed:
            return _refused(failed, START_FAILED)
        case DBAPIError() as failed:  # its own text holds statements
            unusable = ConnectionError(f"the engine's database cannot be used: {failed.orig}")
            return _refused(unusable, START_FAILED)
        case _:
            log.error("process_broke", exc_info=error)
            return typer.Exit(START_FAILED)


async def _keep(service: Service, settings: Settings) -> None:
    stop = asyncio.Event()
    starting = asyncio.current_task()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        stop.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        if starting is not None:
            starting.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        async with AsyncExitStack() as running:
            with paused_collection():
                ready = await running.enter_async_context(service(settings))
            starting = None  # from here on a stop is orderly
            print_ready(ready)
            await stop.wait()
            log.info("stopping")
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    log.info("stopped")


def print_ready(ready: Mapping[str, object]) -> None:
    """The one line on stdout."""
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


def _cause(error: BaseException) -> BaseException:
    """What went wrong, out of the groups that task groups wrap around it."""
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return _cause(inner[0]) if len(inner) == 1 else error


def _refused(error: Exception, code: int) -> typer.Exit:
    sys.stderr.write(f"polaris: {error}\n")
    return typer.Exit(code)
