"""`polaris convex`, `model-server` and `demo`: programs that stand on their own."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from app.settings import own_environment
from core.node import NODE

FreePort = Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")]

_EMBEDDED_CONVEX = Path(__file__).parents[2] / "embedded_convex" / "main.ts"


def convex(
    directory: Annotated[
        Path, typer.Option("--dir", exists=True, file_okay=False, help="A convex/ folder.")
    ],
    data: Annotated[Path, typer.Option(dir_okay=False, help="The SQLite file.")],
    port: FreePort = 0,
    site_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Of HTTP actions; default: the one after --port."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond loopback it takes CONVEX_ADMIN_KEY.")
    ] = "127.0.0.1",
) -> None:
    """The embedded Convex alone, for any convex/ folder. Ready line: {"url": URL, "site": URL}.

    The site serves the folder's HTTP actions. The admin key comes from CONVEX_ADMIN_KEY, the
    issuers of user tokens from the folder's auth.config.ts; functions see the environment of this
    process. CONVEX_CLOUD_URL and CONVEX_SITE_URL are where clients reach it when that is not where
    it listens.
    """
    arguments = ["--dir", str(directory), "--data", str(data), "--port", str(port), "--host", host]
    if site_port is not None:
        arguments += ["--site-port", str(site_port)]
    command = [str(NODE), "--disable-warning=ExperimentalWarning", str(_EMBEDDED_CONVEX)]
    os.execve(NODE, [*command, *arguments], own_environment())  # noqa: S606 - our own node, no shell


def model_server(
    scenario: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Scenario (JSON).")],
    port: FreePort = 0,
) -> None:
    """The scripted model server. Ready line: {"url": URL}."""
    from llm.scripted.scenario import InvalidScenario  # noqa: PLC0415 - aiohttp's server, for this only
    from llm.scripted.serve import run  # noqa: PLC0415 - as above

    try:
        run(scenario, port=port)
    except InvalidScenario as wrong:
        typer.echo(f"polaris: {wrong}", err=True)
        raise typer.Exit(2) from None


def demo(
    project: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="A folder; default: the one that ships."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(file_okay=False, help="Kept here; default: a temporary folder.")
    ] = None,
    web: Annotated[
        bool, typer.Option("--web", help="Stay up at the end: the project is open in a browser.")
    ] = False,
) -> None:
    """The main job on real input, end to end; the last line is one JSON object."""
    from app.demo.run import Options, run_demo  # noqa: PLC0415 - the Convex client takes a moment

    raise typer.Exit(asyncio.run(run_demo(Options(project, data, stays=web), own_environment())))
