"""Keys of clients: each is somebody's, in whose name it acts."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pydantic import SecretStr

from app.identity.local_user import OWNER
from core.ids import OwnerId

_SIGNING_PREFIX = re.compile(r"^signkey-\w+-")


@dataclass(frozen=True)
class OwnedKeys:
    """Keys by the hash of each: comparing hashes says nothing about how near a guess was."""

    owners: dict[bytes, OwnerId] = field(repr=False)

    @classmethod
    def of(cls, settings: Iterable[SecretStr], *, are_signing: bool = False) -> "OwnedKeys":
        """Those of a setting: `KEY=OWNER`, or `KEY` of the local user.

        A signing key also holds in the hashed forms in which Inngest's SDKs send it.
        """
        owners: dict[bytes, OwnerId] = {}
        for setting in settings:
            key, _, owner = setting.get_secret_value().partition("=")
            for form in _signing_forms(key) if are_signing else (key,):
                owners[_hash(form)] = OwnerId(owner or OWNER)
        return cls(owners)

    def owner(self, key: str) -> OwnerId | None:
        """Whose it is; None where it is nobody's."""
        return self.owners.get(_hash(key))


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()


def _signing_forms(key: str) -> Iterator[str]:
    yield key
    prefix = "".join(_SIGNING_PREFIX.findall(key))
    try:
        secret = bytes.fromhex(key.removeprefix(prefix))
    except ValueError:
        return  # the SDKs hash hexadecimal keys only
    hashed = hashlib.sha256(secret).hexdigest()
    yield hashed
    yield f"{prefix}{hashed}"
