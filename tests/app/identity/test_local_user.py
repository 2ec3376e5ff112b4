"""The local user: a key of their own in the data folder, and a token that holds."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from app.identity.issuer import identity_of
from app.identity.local_user import BadKeyFile, open_local_user
from app.identity.tokens import Authenticator, Unauthorized
from app.settings import Settings
from core.clock import SystemClock


def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


async def test_the_local_users_token_holds_and_survives_a_restart(tmp_path: Path) -> None:
    clock = SystemClock()
    first = identity_of(settings(tmp_path), clock)
    second = identity_of(settings(tmp_path), clock)
    caller = await Authenticator.of(second, clock).caller(f"Bearer {first.token}")
    assert caller.owner == "local"


async def test_another_installations_token_is_a_strangers(tmp_path: Path) -> None:
    clock = SystemClock()
    here = identity_of(Settings(data_dir=tmp_path / "here"), clock)
    there = identity_of(Settings(data_dir=tmp_path / "there"), clock)
    with pytest.raises(Unauthorized):
        await Authenticator.of(here, clock).caller(f"Bearer {there.token}")


def test_the_local_users_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    open_local_user(tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_file_with_something_else_is_named(tmp_path: Path) -> None:
    open_local_user(tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_text("not a key")
    with pytest.raises(BadKeyFile, match=file.name):
        open_local_user(tmp_path)


def test_two_starts_at_once_share_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        users = list(threads.map(open_local_user, [tmp_path] * 8))
    assert len({user.jwks_url for user in users}) == 1
    assert isinstance(users[0].key, ec.EllipticCurvePrivateKey)
