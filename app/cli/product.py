"""`polaris dev`, `api` and `worker`: the product itself."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli.process import Service, run_service, settings_or_exit

Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port of the API; 0 takes a free one.")
]
Host = Annotated[str | None, typer.Option(help="Address that the API listens on.")]
Data = Annotated[
    Path | None, typer.Option(file_okay=False, help="Folder for everything that is kept.")
]


PreviewPort = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port of previews; 0 takes a free one.")
]


def dev(
    port: Port = None,
    data: Data = None,
    host: Host = None,
    convex_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port of the embedded Convex; 0 takes a free one."),
    ] = None,
    preview_port: PreviewPort = None,
) -> None:
    """API, worker and the embedded Convex in one process.

    Ready line: {"api": URL, "convex": URL, "token": its token, "web": URL with it}.
    """
    settings = settings_or_exit(
        port=port, data_dir=data, host=host, convex_port=convex_port, preview_port=preview_port
    )
    run_service(_part("development"), settings)


def api(
    port: Port = None, host: Host = None, data: Data = None, preview_port: PreviewPort = None
) -> None:
    """The HTTP API alone, with POLARIS_DATABASE_URL and CONVEX_URL.

    Ready line: {"api": URL, "convex": URL}.
    """
    settings = settings_or_exit(port=port, host=host, data_dir=data, preview_port=preview_port)
    run_service(_part("api"), settings)


def worker(data: Data = None) -> None:
    """A worker alone, with POLARIS_DATABASE_URL and CONVEX_URL.

    Ready line: {"worker": NAME, "convex": URL}.
    """
    run_service(_part("worker"), settings_or_exit(data_dir=data))


def _part(name: Literal["development", "api", "worker"]) -> Service:
    """Imported when it is started: every other command is quicker without the whole product."""
    match name:
        case "development":
            from app.development import development  # noqa: PLC0415 - as above

            return development
        case "api":
            from app.wiring import api  # noqa: PLC0415 - as above

            return api
        case "worker":
            from app.wiring import worker  # noqa: PLC0415 - as above

            return worker
