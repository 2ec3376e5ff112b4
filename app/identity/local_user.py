"""The local user: an installation without an issuer serves one person on their own machine."""

import base64
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

from core.clock import Clock
from core.errors import Refused
from core.ids import OwnerId

ISSUER = "https://polaris.localhost"
AUDIENCE = "polaris"
OWNER = OwnerId("local")
TOKEN_LIFE = timedelta(days=30)  # printed anew at each start
_KEY_ID = "local-1"
_FILE = "local-user.pem"


class BadKeyFile(Refused):
    """The key file holds something else."""

    code = "bad_key_file"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} holds no EC key; remove it to get a new one")


@dataclass(frozen=True)
class LocalUser:
    """The one person of this installation, and the key that signs for them."""

    key: ec.EllipticCurvePrivateKey

    @property
    def jwks_url(self) -> str:
        """The public key as a `data:` URL of a JWKS, which both the API and Convex read."""
        jwk: dict[str, Any] = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        jwks = {"keys": [jwk | {"kid": _KEY_ID, "alg": "ES256", "use": "sig"}]}
        encoded = base64.b64encode(json.dumps(jwks).encode()).decode()
        return f"data:text/plain;charset=utf-8;base64,{encoded}"

    def token(self, clock: Clock, *, owner: OwnerId = OWNER) -> str:
        """A token for `TOKEN_LIFE` from now."""
        now = clock.now()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": owner,
            "name": "Local user",
            "iat": now,
            "exp": now + TOKEN_LIFE,
        }
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": _KEY_ID})


def open_local_user(data_dir: Path) -> LocalUser:
    """Read the key from the data folder; at the first start make one that only this user can read.

    Raises:
        BadKeyFile: the file is there but holds no such key.
    """
    path = data_dir / _FILE
    if not path.exists():
        _create(path)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as problem:
        raise BadKeyFile(path) from problem
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadKeyFile(path)
    return LocalUser(key)


def renew_local_user(data_dir: Path) -> LocalUser:
    """Put another key in the place of the one there is: every token of before is void.

    Who has read the key already (a running `polaris dev`, its Convex) goes on with the old one.
    """
    path = data_dir / _FILE
    path.unlink(missing_ok=True)
    return open_local_user(data_dir)


def _create(path: Path) -> None:
    """Whole or not at all, also when two processes do it at once: the first link wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{_FILE}.")  # mode 0600
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
