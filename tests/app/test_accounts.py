"""Which accounts the settings choose."""

from pathlib import Path

import pytest

from app.github import accounts_of, connecting_of
from app.identity.local_user import OWNER
from app.settings import load_settings
from core.clock import SystemClock
from core.ids import OwnerId
from jobs.github.accounts import OneAccount
from jobs.github.clerk import ClerkAccounts
from jobs.github.connected import ConnectedAccounts
from store import Store

ISSUER = {"auth_issuer": "https://login.example"}
TOKEN = {"github_token": "ghp_x"}
APP = {"github_app_client_id": "Iv1.a", "github_app_client_secret": "s"}
CLERK = {"clerk_secret_key": "sk_test_a"}


@pytest.mark.parametrize(
    ("given", "adapter", "why"),
    [
        ({}, OneAccount, "GITHUB_APP_CLIENT_ID"),
        (TOKEN, OneAccount, "GITHUB_TOKEN"),
        (TOKEN | APP, OneAccount, "GITHUB_TOKEN"),
        (TOKEN | APP | ISSUER, ConnectedAccounts, ""),
        (APP, ConnectedAccounts, ""),
        (TOKEN | CLERK | ISSUER, ClerkAccounts, "identity provider"),
        (TOKEN | ISSUER, OneAccount, "GITHUB_APP_CLIENT_ID"),
    ],
)
async def test_the_settings_choose(
    given: dict[str, str], adapter: type, why: str, tmp_path: Path
) -> None:
    settings = load_settings(data_dir=tmp_path, **given)
    store = Store("http://127.0.0.1:9", internal_key="nobody is asked")
    accounts = accounts_of(settings, store, SystemClock())
    assert type(accounts) is adapter
    connecting = connecting_of(settings, accounts, SystemClock())
    assert (connecting.connected is None) == bool(why)
    assert why in connecting.why_not
    if isinstance(accounts, OneAccount):
        has_one = "github_token" in given and "auth_issuer" not in given
        assert (await accounts.token(OWNER) is not None) == has_one
        assert await accounts.token(OwnerId("somebody else")) is None
