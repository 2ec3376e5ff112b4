"""The `polaris` command."""

import typer

from app.cli import account, backup, doctor, product, programs, recordings, token
from app.cli.engine import commands as engine

cli = typer.Typer(
    name="polaris",
    help="The backend of a cloud IDE: durable AI jobs over a live Convex store.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they print local variables, and with them secrets
)
cli.command()(product.dev)
cli.command()(product.api)
cli.command()(product.worker)
cli.command()(programs.convex)
cli.command("model-server")(programs.model_server)
cli.command()(programs.demo)
cli.command()(doctor.doctor)
cli.command()(backup.backup)
cli.command()(backup.restore)
cli.add_typer(token.commands, name="token")
cli.add_typer(account.commands, name="account")
cli.command()(engine.runs)
cli.command()(engine.events)
cli.command()(engine.send)
cli.command()(engine.cancel)
cli.command()(engine.replay)
cli.command()(engine.rerun)
cli.command()(engine.jobs)
cli.command()(engine.pause)
cli.command()(engine.resume)
cli.command()(recordings.record)
cli.command()(recordings.rehearse)


def main() -> None:
    """Run the command that the arguments name."""
    cli()


if __name__ == "__main__":
    main()
