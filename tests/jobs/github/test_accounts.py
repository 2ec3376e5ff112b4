"""Connected accounts: sealed, bound to their person, renewed once, marked when refused."""

import asyncio
import base64
import os
from datetime import timedelta

import pytest
from pydantic import SecretStr

from core.clock import Clock, ManualClock, SystemClock
from core.ids import OwnerId, new_id
from engine import Encryption
from jobs.github import asking
from jobs.github.accounts import GithubServer
from jobs.github.connected import ConnectedAccounts
from jobs.github.git import GitFailed
from jobs.github.login import GithubApp, GithubLogin, Tokens
from jobs.github.problems import (
    GithubAway,
    LoginNotSetUp,
    NoAccess,
    TokenRefused,
    TokenUnreadable,
)
from jobs.github.work import problem_of
from store import Store
from tests.support.github import GithubStandIn
from tests.support.waiting import until

LIFE_S = 28_800


def new_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


def accounts_at(
    store: Store, github: GithubStandIn, clock: Clock, *keys: str, secret: str | None = None
) -> ConnectedAccounts:
    pages = github.login
    app = GithubApp(pages.client_id, SecretStr(secret or pages.client_secret))
    login = GithubLogin(app, GithubServer(github.url, github.api_url), clock)
    return ConnectedAccounts(store, Encryption(keys or [new_key()]), login, clock)


async def connected(accounts: ConnectedAccounts, github: GithubStandIn, owner: OwnerId) -> Tokens:
    """What the person has after the web flow."""
    verifier = "v" * 64
    url = accounts.login.authorize_url(state="s", verifier=verifier)
    sent = github.login.allow(url, "octo")
    tokens = await accounts.login.exchange(sent["code"], verifier=verifier)
    await accounts.connect(owner, "octo", tokens)
    return tokens


async def test_what_is_kept_is_sealed_and_opens_for_its_person_only(
    store: Store, owner: OwnerId, github: GithubStandIn, clock: ManualClock
) -> None:
    accounts = accounts_at(store, github, clock)
    assert await accounts.token(owner) is None
    tokens = await connected(accounts, github, owner)
    assert tokens.scopes == ("repo", "workflow")
    assert await accounts.token(owner) == tokens.access
    row = await store.github_accounts.get(owner)
    assert row is not None
    assert (row.login, row.expires_at) == ("octo", None)
    assert tokens.access.get_secret_value() not in repr(row) + row.sealed
    stranger = OwnerId(new_id("user"))
    assert await accounts.token(stranger) is None
    await store.github_accounts.connect(stranger, row)  # whoever can write to the store
    with pytest.raises(TokenUnreadable, match="GitHub not connected"):
        await accounts.token(stranger)


async def test_what_was_never_sealed_is_not_taken(
    store: Store, owner: OwnerId, github: GithubStandIn, clock: ManualClock
) -> None:
    accounts = accounts_at(store, github, clock)
    await connected(accounts, github, owner)
    row = await store.github_accounts.get(owner)
    assert row is not None
    plain = '{"access": "gho_planted"}'
    assert await store.github_accounts.reseal(owner, row.sealed, plain, expires_at=None)
    with pytest.raises(TokenUnreadable):
        await accounts.token(owner)


async def test_keys_are_changed_while_accounts_stay_connected(
    store: Store, owner: OwnerId, github: GithubStandIn, clock: ManualClock
) -> None:
    old, new = new_key(), new_key()
    tokens = await connected(accounts_at(store, github, clock, old), github, owner)
    assert await accounts_at(store, github, clock, new, old).token(owner) == tokens.access
    # It was sealed anew when it was used: the old key can go.
    assert await accounts_at(store, github, clock, new).token(owner) == tokens.access
    with pytest.raises(TokenUnreadable):
        await accounts_at(store, github, clock, old).token(owner)
    with pytest.raises(TokenUnreadable):
        await accounts_at(store, github, clock, new_key()).token(owner)


async def test_a_token_is_renewed_once_however_many_ask(
    store: Store, owner: OwnerId, github: GithubStandIn, clock: ManualClock
) -> None:
    github.login.expires_in = LIFE_S
    key = new_key()
    two = [accounts_at(store, github, clock, key) for _ in range(2)]  # as in two processes
    before = await connected(two[0], github, owner)
    assert await two[1].token(owner) == before.access
    clock.advance(LIFE_S - 60)
    asked = [two[number % 2].token(owner) for number in range(12)]
    found = {token.get_secret_value() for token in await asyncio.gather(*asked) if token}
    assert len(found) == 1
    assert before.access.get_secret_value() not in found
    assert github.login.asked.count("refresh_token") == 1
    clock.advance(LIFE_S - 60)
    assert await two[0].token(owner) not in {None, *map(SecretStr, found)}
    assert github.login.asked.count("refresh_token") == 2


async def test_a_renewal_that_github_refuses_marks_the_account(
    store: Store, owner: OwnerId, github: GithubStandIn, clock: ManualClock
) -> None:
    github.login.expires_in = LIFE_S
    accounts = accounts_at(store, github, clock)
    await connected(accounts, github, owner)
    github.login.renewals.clear()
    clock.advance(LIFE_S + 1)
    for _ in range(2):
        with pytest.raises(TokenRefused, match="GitHub not connected"):
            await accounts.token(owner)
    assert github.login.asked.count("refresh_token") == 1  # the second time nobody asks
    after = await connected(accounts, github, owner)
    assert await accounts.token(owner) == after.access


BAD_ANSWERS = [(502, b"<html>Bad gateway</html>"), (200, b"no json"), (200, b"[]"), (200, b"{}")]


@pytest.mark.parametrize("answer", BAD_ANSWERS, ids=str)
async def test_a_renewal_without_an_answer_is_tried_again(
    store: Store,
    owner: OwnerId,
    github: GithubStandIn,
    clock: ManualClock,
    answer: tuple[int, bytes],
) -> None:
    github.login.expires_in = LIFE_S
    accounts = accounts_at(store, github, clock)
    before = await connected(accounts, github, owner)
    clock.advance(LIFE_S - 60)
    github.login.answers.append(answer)
    assert await accounts.token(owner) == before.access  # it holds for a minute yet
    clock.advance(61)
    github.login.answers.append(answer)
    with pytest.raises(GithubAway):
        await accounts.token(owner)
    renewed = await accounts.token(owner)  # nobody holds the lease any more
    assert renewed not in {None, before.access}


async def test_a_silent_github_is_not_waited_for(
    store: Store,
    owner: OwnerId,
    github: GithubStandIn,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    github.login.expires_in = LIFE_S
    accounts = accounts_at(store, github, clock)
    await connected(accounts, github, owner)
    clock.advance(LIFE_S + 1)
    monkeypatch.setattr(asking, "ASK_S", 0.1)
    github.login.gate.clear()
    try:
        with pytest.raises(GithubAway, match="GitHub does not answer"):
            await accounts.token(owner)
    finally:
        github.login.gate.set()


async def test_a_cancel_in_the_middle_of_a_renewal_loses_no_token(
    store: Store, owner: OwnerId, github: GithubStandIn, clock: ManualClock
) -> None:
    accounts = accounts_at(store, github, clock)
    before = await about_to_expire(accounts, github, owner, clock)
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(accounts.token(owner))
        await renewing(github)
        asked.cancel()
        github.login.gate.set()
    assert asked.cancelled()
    renewed = await accounts.token(owner)
    assert renewed not in {None, before.access}
    assert github.login.asked.count("refresh_token") == 1


async def test_who_connects_anew_during_a_renewal_keeps_the_new_account(
    store: Store, owner: OwnerId, github: GithubStandIn, clock: ManualClock
) -> None:
    accounts = accounts_at(store, github, clock)
    await about_to_expire(accounts, github, owner, clock)
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(accounts.token(owner))
        await renewing(github)
        await accounts.connect(owner, "other", Tokens(SecretStr("gho_other")))
        github.login.gate.set()
    assert asked.result() == SecretStr("gho_other")
    assert await accounts.token(owner) == SecretStr("gho_other")
    assert github.login.asked == ["authorization_code", "refresh_token", "revoke"]


async def test_who_disconnects_during_a_renewal_has_no_account(
    store: Store, owner: OwnerId, github: GithubStandIn, clock: ManualClock
) -> None:
    accounts = accounts_at(store, github, clock)
    await about_to_expire(accounts, github, owner, clock)
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(accounts.token(owner))
        await renewing(github)
        await store.github_accounts.disconnect(owner)
        github.login.gate.set()
    assert asked.result() is None
    assert github.login.asked[-1] == "revoke"


async def about_to_expire(
    accounts: ConnectedAccounts, github: GithubStandIn, owner: OwnerId, clock: ManualClock
) -> Tokens:
    """An account whose token has to be renewed when it is used next; GitHub waits with that."""
    github.login.expires_in = LIFE_S
    tokens = await connected(accounts, github, owner)
    clock.advance(LIFE_S + 1)
    github.login.gate.clear()
    return tokens


async def renewing(github: GithubStandIn) -> None:
    """Wait until GitHub is asked; before, it was asked for the code."""
    await until(lambda: github.login.arrived == 2, 30)


async def test_a_lease_whose_holder_died_ends(
    store: Store, owner: OwnerId, github: GithubStandIn, clock: ManualClock
) -> None:
    github.login.expires_in = LIFE_S
    accounts = accounts_at(store, github, clock)
    await connected(accounts, github, owner)
    row = await store.github_accounts.get(owner)
    assert row is not None
    rows = store.github_accounts
    assert await rows.lease(owner, row.sealed, holder="dead", for_s=60) == "taken"
    assert await rows.lease(owner, row.sealed, holder="me", for_s=60) == "busy"
    assert await rows.lease(owner, "other", holder="me", for_s=60) == "changed"
    assert await rows.lease(owner, row.sealed, holder="dead", for_s=0) == "taken"  # it runs out
    clock.advance(LIFE_S + 1)
    assert await accounts.token(owner) is not None


async def test_only_the_token_that_was_refused_marks_the_account(
    store: Store, owner: OwnerId, github: GithubStandIn, clock: ManualClock
) -> None:
    accounts = accounts_at(store, github, clock)
    old = (await connected(accounts, github, owner)).access
    new = (await connected(accounts, github, owner)).access
    await accounts.refused(owner, old)  # by a job that began before
    assert await accounts.token(owner) == new
    await accounts.refused(owner, new)
    with pytest.raises(TokenRefused):
        await accounts.token(owner)


async def test_disconnecting_forgets_and_revokes(
    store: Store, owner: OwnerId, github: GithubStandIn, clock: ManualClock
) -> None:
    accounts = accounts_at(store, github, clock)
    token = (await connected(accounts, github, owner)).access
    assert await accounts.disconnect(owner) is True
    assert token.get_secret_value() not in github.users
    assert await store.github_accounts.get(owner) is None
    assert await accounts.disconnect(owner) is False
    await connected(accounts, github, owner)
    github.login.answers.append((500, b""))
    assert await accounts.disconnect(owner) is False  # GitHub is away; here it is gone
    assert await store.github_accounts.get(owner) is None


async def test_a_wrong_client_secret_is_the_operators(
    store: Store, owner: OwnerId, github: GithubStandIn, clock: ManualClock
) -> None:
    accounts = accounts_at(store, github, clock, secret="wrong")  # noqa: S106 - of nobody
    with pytest.raises(LoginNotSetUp, match="GITHUB_APP_CLIENT_SECRET"):
        await connected(accounts, github, owner)


async def test_a_token_without_renewal_is_used_until_it_expires(
    store: Store, owner: OwnerId, github: GithubStandIn, clock: ManualClock
) -> None:
    accounts = accounts_at(store, github, clock)
    expires_at = clock.now() + timedelta(seconds=60)
    await accounts.connect(owner, "octo", Tokens(SecretStr("ghu_a"), expires_at=expires_at))
    assert await accounts.token(owner) == SecretStr("ghu_a")
    clock.advance(61)
    with pytest.raises(TokenRefused):
        await accounts.token(owner)


def test_a_push_for_which_a_scope_is_missing_says_which_and_what_to_do() -> None:
    words = (
        "! [remote rejected] main -> main (refusing to allow an OAuth App to create or update "
        "workflow `.github/workflows/ci.yml` without `workflow` scope)"
    )
    failed = GitFailed("push", 1, words)
    problem = problem_of(failed, "octo/a", has_token=True, doing="push to")
    assert isinstance(problem, NoAccess)
    assert problem.code == "no_access"
    assert "'workflow'" in str(problem)
    assert "Disconnect, then connect again and grant it" in str(problem)
