"""Where a running `polaris dev` is found: a file in its data folder that only its user can read."""

import json
import os
import socket
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from core.errors import Refused

_FILE = "dev.json"
_CONNECT_S = 1.0


class NothingRunning(Refused):
    """No `polaris dev` answers for this data folder."""

    code = "nothing_running"

    def __init__(self, data_dir: Path) -> None:
        super().__init__(
            f"no `polaris dev` is running on the data folder {str(data_dir)!r}; start it, name "
            "another folder with --data-dir, or set POLARIS_DATABASE_URL"
        )


class _Ready(BaseModel):
    api: str
    token: str | None = None


@dataclass(frozen=True)
class Running:
    """Where it listens; `token` is the local user's, None where an issuer is configured."""

    url: str
    token: str | None


@contextmanager
def announced(data_dir: Path, ready: Mapping[str, object]) -> Generator[None]:
    """Keep the ready line in the data folder while the block runs.

    A process that is killed leaves it behind; who reads it finds that nobody listens.
    """
    path = data_dir / _FILE
    descriptor, draft = tempfile.mkstemp(dir=data_dir, prefix=f"{_FILE}.")  # mode 0600
    with os.fdopen(descriptor, "w") as file:
        json.dump(dict(ready), file)
    Path(draft).replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def read_announced(data_dir: Path) -> Running:
    """The process that has announced itself. Raises: NothingRunning."""
    try:
        found = _Ready.model_validate_json((data_dir / _FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise NothingRunning(data_dir) from error
    return Running(found.api, found.token)


def is_answering(data_dir: Path) -> bool:
    """Whether what has announced itself still listens: one that was killed left its file."""
    try:
        address = urlsplit(read_announced(data_dir).url)
        with socket.create_connection((address.hostname, address.port), _CONNECT_S):
            return True
    except (NothingRunning, OSError):
        return False
