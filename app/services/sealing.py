"""The key of what people keep secret here: values of MCP servers, tokens of GitHub accounts."""

import base64
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from app.settings import Settings
from core.errors import Refused
from engine.storage.encryption import KEY_BYTES, BadKey, Encryption

_FILE = "project-secrets.key"


class BadKeyFile(Refused):
    """The key file holds something else."""

    code = "bad_key_file"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} holds no key ({KEY_BYTES} bytes in base64). Put it back; without it, what it "
            "has sealed (secrets of MCP servers, GitHub accounts) is lost: remove it then"
        )


def sealing_of(settings: Settings) -> Encryption | None:
    """The keys of the settings; else, with everything on one machine, one in the data folder.

    None where processes would have to share a key that nobody has given them.

    Raises:
        BadKeyFile: the file in the data folder holds something else.
    """
    if settings.encryption is not None:
        return settings.encryption
    if settings.convex_url is not None:
        return None
    path = settings.data_dir / _FILE
    if not path.exists():
        _create(path)
    try:
        return Encryption([path.read_text().strip()])
    except (BadKey, UnicodeDecodeError):
        raise BadKeyFile(path) from None


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
