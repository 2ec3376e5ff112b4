"""`polaris account`: a person's account as a whole, for whoever runs the installation."""

import json
from pathlib import Path
from typing import Annotated

import typer

from app.cli.process import run_command, settings_or_exit
from app.cli.product import Data
from core.ids import OwnerId

commands = typer.Typer(help="A person's account: export it, or delete it.", no_args_is_help=True)

Owner = Annotated[
    str, typer.Argument(metavar="OWNER", help="`sub` of the person's tokens; `local`: yours.")
]


@commands.command()
def export(
    owner: Owner,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", dir_okay=False, help="A .zip or .tar.gz to write.")
    ],
    data: Data = None,
) -> None:
    """Write all that is a person's to one archive: {"owner": …, "file": …, "bytes": …}."""
    from app.operating.account import export_account  # noqa: PLC0415 - the store, for this command only

    settings = settings_or_exit(data_dir=data)

    async def act() -> None:
        size = await export_account(settings, OwnerId(owner), file.absolute())
        typer.echo(json.dumps({"owner": owner, "file": str(file), "bytes": size}))

    run_command(act, settings)


@commands.command()
def delete(
    owner: Owner,
    is_sure: Annotated[bool, typer.Option("--yes", help="Without it, nothing is deleted.")] = False,
    data: Data = None,
) -> None:
    """Have everything that is a person's deleted, by the workers: {"owner": …, "requested": true}.

    With the embedded Convex the next `polaris dev` does it.
    """
    from app.operating.account import delete_account  # noqa: PLC0415 - as above

    settings = settings_or_exit(data_dir=data)
    if not is_sure:
        typer.echo(f"polaris: nothing was deleted: say --yes to delete all of {owner!r}", err=True)
        raise typer.Exit(1)

    async def act() -> None:
        await delete_account(settings, OwnerId(owner))
        typer.echo(json.dumps({"owner": owner, "requested": True}))

    run_command(act, settings)
