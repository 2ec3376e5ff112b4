"""Encryption at rest: event data, results and errors, under keys that can be changed.

A sealed text is `enc1:<key id>:<base64 of nonce and ciphertext>`, AES-256-GCM with the key id as
associated data, and behind it whatever the text is bound to. Texts without that beginning are what
was stored before there was a key.
"""

import hashlib
import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import Refused

PREFIX = "enc1:"
KEY_BYTES = 32
NONCE_BYTES = 12  # random: good for 2**32 texts under one key
ID_CHARS = 8


class BadKey(Refused):
    """An encryption key is none."""

    code = "bad_encryption_key"

    def __init__(self, position: int) -> None:
        super().__init__(
            f"encryption key {position} is not {KEY_BYTES} bytes in base64; make one with: "
            f"openssl rand -base64 {KEY_BYTES}"
        )


class KeyMissing(Refused):
    """Something is stored under a key that this process was not given."""

    code = "encryption_key_missing"

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"the database holds data under encryption key {key_id!r}, which was not given: add "
            "that key behind the first one"
        )
        self.key_id = key_id


class KeyUnknownElsewhere(Refused):
    """Other processes could not read what this one would write."""

    code = "encryption_key_unknown_elsewhere"

    def __init__(self, key_id: str, executor_ids: Sequence[str]) -> None:
        super().__init__(
            f"encryption key {key_id!r} is unknown to the running workers {list(executor_ids)}: "
            "give it to all of them behind their first key, and only then put it first"
        )
        self.key_id = key_id


class Tampered(Exception):
    """A sealed text is not what was written."""


class Encryption:
    """The keys of an engine: the first one seals, all of them open.

    Args:
        keys: 32 random bytes each, in base64.

    Raises:
        BadKey: one of them is no such thing, or there is none.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._ciphers: dict[str, AESGCM] = {}
        for position, text in enumerate(keys, 1):
            key = _key(text, position)
            self._ciphers[key_id_of(key)] = AESGCM(key)
        if not self._ciphers:
            raise BadKey(1)
        self.key_ids = tuple(self._ciphers)
        """What the keys are called, the one that seals first. It says nothing about the key."""

    def __repr__(self) -> str:
        """Without the keys."""
        return f"Encryption(key_ids={self.key_ids})"

    def seal(self, text: str, *, bound_to: str = "") -> str:
        """Encrypt under the first key. It can be opened only as what it is `bound_to`, too."""
        key_id = self.key_ids[0]
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[key_id].encrypt(nonce, text.encode(), _bound(key_id, bound_to))
        return f"{PREFIX}{key_id}:{b64encode(nonce + sealed).decode()}"

    def open(self, stored: str, *, bound_to: str = "") -> str:
        """The inverse of `seal`; a text that was never sealed comes back as it is.

        Raises:
            KeyMissing: it is sealed under another key.
            Tampered: it was changed, or is bound to something else.
        """
        key_id = sealed_under(stored)
        if key_id is None:
            return stored
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise KeyMissing(key_id)
        try:
            raw = b64decode(stored[len(PREFIX) + ID_CHARS + 1 :], validate=True)
            text = cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound(key_id, bound_to))
        except (InvalidTag, ValueError) as error:
            raise Tampered(f"a text sealed under key {key_id!r} has been changed") from error
        return text.decode()


def _bound(key_id: str, bound_to: str) -> bytes:
    """The associated data. A key id has a fixed length, so two texts never give the same."""
    return f"{key_id}{bound_to}".encode()


def _key(text: str, position: int) -> bytes:
    try:
        key = b64decode(text, validate=True)
    except ValueError as error:
        raise BadKey(position) from error
    if len(key) != KEY_BYTES:
        raise BadKey(position)
    return key


def key_id_of(key: bytes) -> str:
    """What a key is called."""
    return hashlib.sha256(b"engine key id" + key).hexdigest()[:ID_CHARS]


def sealed_under(stored: str) -> str | None:
    """The id of the key that a stored text is sealed under; None where it is not sealed."""
    # Stored texts are JSON or plain messages; no JSON begins like this.
    head = stored[: len(PREFIX) + ID_CHARS + 1]
    if not (head.startswith(PREFIX) and head.endswith(":")):
        return None
    return head[len(PREFIX) : -1]


_of_dialect: "WeakKeyDictionary[sa.Dialect, Encryption]" = WeakKeyDictionary()


def encrypt(pool: sa.Engine, encryption: Encryption) -> None:
    """Seal what is written to `Sealed` columns through this pool, and open what is read."""
    _of_dialect[pool.dialect] = encryption


class Sealed(sa.TypeDecorator[str]):
    """A text that is encrypted in the database, where the pool has keys."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Seal."""
        return None if value is None else seal(_of_dialect.get(dialect), value)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> str | None:
        """Open."""
        return None if value is None else opened(_of_dialect.get(dialect), value)


def seal(encryption: Encryption | None, text: str) -> str:
    """Encrypt, where there are keys."""
    if encryption is not None:
        return encryption.seal(text)
    # Somebody's error message may begin like a sealed text, and must not be taken for one.
    return f" {text}" if text.startswith(PREFIX) else text


def opened(encryption: Encryption | None, stored: str) -> str:
    """Decrypt what is sealed.

    Raises:
        KeyMissing: there is no key for it.
        Tampered: it was changed.
    """
    if encryption is not None:
        return encryption.open(stored)
    key_id = sealed_under(stored)
    if key_id is not None:
        raise KeyMissing(key_id)
    return stored
