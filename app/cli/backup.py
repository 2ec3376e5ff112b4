"""`polaris backup` and `polaris restore`: what the embedded default keeps, as one file."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.process import PRIVATE, run_command, settings_or_exit
from app.cli.product import Data
from app.settings import Settings
from core.clock import SystemClock

if TYPE_CHECKING:
    from app.operating.backup import Manifest

Target = Annotated[Path, typer.Argument(metavar="FILE", help="What to write; it must not exist.")]
Source = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A backup.")
]


def backup(file: Target, data: Data = None) -> None:
    """Copy everything that a stopped `polaris dev` keeps to one file. It holds secrets.

    Prints what is in it: {"file": …, "made_at": …, "files": […]}.
    """
    from app.operating.backup import back_up  # noqa: PLC0415 - the engine, for this command only

    _do(file, data, lambda settings: back_up(settings, file.absolute(), SystemClock().now()))


def restore(file: Source, data: Data = None) -> None:
    """Make a data folder from a backup; `polaris dev` goes on from there."""
    from app.operating.backup import restore as restored  # noqa: PLC0415 - as above

    _do(file, data, lambda settings: restored(settings, file))


def _do(file: Path, data: Path | None, work: "Callable[[Settings], Manifest]") -> None:
    settings = settings_or_exit(data_dir=data)
    os.umask(PRIVATE)

    async def act() -> None:
        manifest = work(settings)  # nothing else runs in this process
        typer.echo(json.dumps({"file": str(file), **manifest.model_dump(mode="json")}))

    run_command(act, settings)
