"""The key of what people keep secret here: values of MCP servers, tokens of GitHub accounts."""

import base64
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from app.settings import Settings
from engine.storage.encryption import KEY_BYTES, Encryption

_FILE = "project-secrets.key"


def sealing_of(settings: Settings) -> Encryption | None:
    """The keys of the settings; else, with everything on one machine, one in the data folder.

    None where processes would have to share a key that nobody has given them.
    """
    if settings.encryption is not None:
        return settings.encryption
    if settings.convex_url is not None:
        return None
    path = settings.data_dir / _FILE
    if not path.exists():
        _create(path)
    return Encryption([path.read_text().strip()])


def _create(path: Path) -> None:
    """Whole or not at all, and for this user only; the first of two processes wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{_FILE}.")  # mode 0600
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)))
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
