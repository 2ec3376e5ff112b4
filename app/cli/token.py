"""`polaris token`: the local user's token, printed, or made void and made anew."""

import json

import typer

from app.cli.process import settings_or_exit
from app.cli.product import Data
from app.identity.local_user import BadKeyFile, LocalUser, open_local_user, renew_local_user
from app.ready_file import is_answering
from app.settings import Settings
from core.clock import SystemClock

commands = typer.Typer(help="The local user's token.", invoke_without_command=True)


@commands.callback()
def show(context: typer.Context, data: Data = None) -> None:
    """Print a token of the local user, good for 30 days: {"token": …}."""
    if context.invoked_subcommand is None:
        settings = _local_settings(data)
        try:
            _print(open_local_user(settings.data_dir))
        except BadKeyFile as wrong:
            raise _refused(str(wrong)) from None


@commands.command()
def renew(data: Data = None) -> None:
    """Make all tokens of before void, and print a new one. `polaris dev` must not be running."""
    settings = _local_settings(data)
    if is_answering(settings.data_dir):
        raise _refused("`polaris dev` runs on this data folder and has the old key; stop it first")
    _print(renew_local_user(settings.data_dir))


def _local_settings(data: object) -> Settings:
    settings = settings_or_exit(data_dir=data)
    if settings.auth_issuer is not None:
        raise _refused("POLARIS_AUTH_ISSUER is set: its issuer makes and revokes the tokens")
    return settings


def _print(user: LocalUser) -> None:
    typer.echo(json.dumps({"token": user.token(SystemClock())}))


def _refused(text: str) -> typer.Exit:
    typer.echo(f"polaris: {text}", err=True)
    return typer.Exit(1)
