"""GitHub's API, as far as transfers need it: PyGithub in threads, its errors in our words.

PyGithub keeps state of a request on its client, so a client is made for each job. It also sleeps
and tries again by itself, inside of the thread: both are off, a job waits durably instead.
"""

import asyncio
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar, cast

import requests
from github import Auth, Github, GithubException
from github.GithubException import BadCredentialsException, UnknownObjectException
from github.Repository import Repository as Remote
from pydantic import SecretStr

from core.clock import Clock
from jobs.github.accounts import GithubServer, OnRefused
from jobs.github.problems import (
    EmptyRepository,
    GithubAway,
    LimitReached,
    NoAccess,
    NoSuchBranch,
    RefusedByGithub,
    RepositoryBlocked,
    RepositoryNotFound,
    TokenRefused,
)

T = TypeVar("T")

TIMEOUT_S = 20
MOST_REFS = 300  # that begin as the first name after /tree/
SECONDARY_WAIT_S = 60.0  # what GitHub asks for where it does not say

logging.getLogger("github").setLevel(logging.CRITICAL)  # it logs requests, and bodies with them


@dataclass(frozen=True)
class Account:
    """The account of a token. `scopes` None: it has permissions, or GitHub does not say."""

    login: str
    scopes: tuple[str, ...] | None


@dataclass(frozen=True)
class RemoteRepository:
    """A repository as it is on GitHub."""

    full_name: str
    default_branch: str
    is_private: bool
    size_kb: int
    may_push: bool


@dataclass(frozen=True)
class Named:
    """A commit, the name it was found by, and what of the path behind that name is left."""

    commit: str
    ref: str
    folder: str


@dataclass(frozen=True)
class FoundPullRequest:
    """A pull request as it is on GitHub."""

    number: int
    url: str


class GithubClient:
    """One job's client. Use it as a context manager; no two calls at once."""

    def __init__(
        self,
        server: GithubServer,
        token: SecretStr | None,
        clock: Clock,
        on_refused: OnRefused | None = None,
    ) -> None:
        self._has_token = token is not None
        self._on_refused = on_refused
        self._clock = clock
        self._lock = asyncio.Lock()
        self._known: dict[str, Remote] = {}
        self._github = Github(
            base_url=server.api_url.rstrip("/"),
            auth=Auth.Token(token.get_secret_value()) if token is not None else None,
            retry=None,
            timeout=TIMEOUT_S,
            seconds_between_requests=None,
            seconds_between_writes=None,
            per_page=100,
            user_agent="polaris",
        )

    def __enter__(self) -> "GithubClient":
        """Nothing is opened before the first request."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        self._github.close()

    async def login(self) -> str:
        """The name of the connected account. Raises: TokenRefused, LimitReached, GithubAway."""
        return await self._ask(lambda: self._github.get_user().login, "the account", "read")

    async def account(self) -> Account:
        """Whose token it is, and what it may do. Raises: as `login`."""

        def ask() -> Account:
            login = self._github.get_user().login
            scopes: list[str] | None = self._github.oauth_scopes
            return Account(login, None if scopes is None else tuple(filter(None, scopes)))

        return await self._ask(ask, "the account", "read")

    async def repository(self, full_name: str) -> RemoteRepository:
        """The repository, also under a new name. Raises: RepositoryNotFound, as `login`."""
        return _as_record(await self._remote(full_name))

    async def _remote(self, full_name: str) -> Remote:
        if full_name not in self._known:
            ask = partial(self._github.get_repo, full_name)
            remote = await self._ask(ask, full_name, "read")
            self._known |= {full_name: remote, remote.full_name: remote}
        return self._known[full_name]

    async def named(
        self, repository: RemoteRepository, below: tuple[str, ...], ref: str | None
    ) -> Named:
        """The commit of a branch, tag or commit: `ref`, else what `below` begins with, else HEAD.

        Raises:
            NoSuchBranch: there is none of that name.
            EmptyRepository: there is no commit at all.
        """
        remote = await self._remote(repository.full_name)

        def find() -> Named:
            name, rest = ref, below
            if name is None and below:
                name, rest = _split(remote, below)
            wanted = name or repository.default_branch
            if wanted.startswith("refs/"):
                commit = remote.get_git_ref(wanted.removeprefix("refs/")).object.sha
            else:
                commit = remote.get_commit(wanted).sha
            return Named(commit, wanted, "/".join(rest))

        try:
            return await self._ask(find, repository.full_name, "read")
        except (RepositoryNotFound, RefusedByGithub):
            if repository.size_kb == 0 and not below and ref is None:
                raise EmptyRepository(repository.full_name) from None
            wanted = ref or "/".join(below) or repository.default_branch
            raise NoSuchBranch(repository.full_name, wanted) from None

    async def create(
        self, full_name: str, *, login: str, is_private: bool, description: str
    ) -> RemoteRepository:
        """Make an empty repository, of the account or of an organisation.

        Raises:
            RefusedByGithub: the name is taken or cannot be; GitHub's own text.
        """
        owner, _, name = full_name.partition("/")

        def make() -> RemoteRepository:
            given: dict[str, Any] = {"private": is_private, "auto_init": False}
            if description:
                given["description"] = description
            if owner.lower() == login.lower():
                return _as_record(self._github.get_user().create_repo(name, **given))
            return _as_record(self._github.get_organization(owner).create_repo(name, **given))

        return await self._ask(make, full_name, "create")

    async def branch_or_default(self, repository: RemoteRepository, branch: str) -> str:
        """That branch, while there is one; else the default branch."""
        is_other = branch != repository.default_branch
        if is_other and await self.has_branch(repository, branch):
            return branch
        return repository.default_branch

    async def has_branch(self, repository: RemoteRepository, branch: str) -> bool:
        """Whether there is a branch of that name; a tag or a commit is none."""
        remote = await self._remote(repository.full_name)
        try:
            ask = partial(remote.get_git_ref, f"heads/{branch}")
            found = await self._ask(ask, repository.full_name, "read")
        except (RepositoryNotFound, RefusedByGithub):
            return False
        return found.ref == f"refs/heads/{branch}"

    async def is_in(self, repository: RemoteRepository, commit: str, later: str) -> bool:
        """Whether a commit is in the history of another. Raises: as `repository`."""
        remote = await self._remote(repository.full_name)
        ask = partial(remote.compare, commit, later)
        found = await self._ask(ask, repository.full_name, "read")
        return found.status in {"ahead", "identical"}

    async def pull_request(
        self, repository: RemoteRepository, *, branch: str, base: str, title: str, body: str
    ) -> FoundPullRequest:
        """The open pull request of a branch of the repository itself; opened where there is none.

        Raises:
            RefusedByGithub: GitHub's own text.
        """
        remote = await self._remote(repository.full_name)
        head = f"{repository.full_name.partition('/')[0]}:{branch}"

        def find() -> FoundPullRequest | None:
            for each in remote.get_pulls(state="open", head=head):
                if each.head.ref == branch:
                    return FoundPullRequest(each.number, each.html_url)
            return None

        def find_or_open() -> FoundPullRequest:
            found = find()
            if found is not None:
                return found
            made = remote.create_pull(base=base, head=branch, title=title, body=body)
            return FoundPullRequest(made.number, made.html_url)

        try:
            return await self._ask(find_or_open, repository.full_name, "open a pull request in")
        except RefusedByGithub as refused:
            if "already exists" not in str(refused):
                raise
            found = await self._ask(find, repository.full_name, "read")  # by another at once
            if found is None:
                raise
            return found

    async def _ask(self, call: Callable[[], T], name: str, doing: str) -> T:
        def ask() -> T:
            with self._in_our_words(name, doing):
                return call()

        async with self._lock:
            try:
                return await asyncio.to_thread(ask)
            except TokenRefused:
                if self._has_token and self._on_refused is not None:
                    await self._on_refused()
                raise

    @contextmanager
    def _in_our_words(self, name: str, doing: str) -> Generator[None]:
        try:
            yield
        except BadCredentialsException:
            raise TokenRefused from None
        except UnknownObjectException:
            raise RepositoryNotFound(name, has_token=self._has_token) from None
        except GithubException as error:
            raise self._problem(error, name, doing) from None
        except (requests.RequestException, OSError) as error:
            raise GithubAway(f"GitHub does not answer: {type(error).__name__}") from None

    def _problem(self, error: GithubException, name: str, doing: str) -> Exception:
        text = _text_of(error)
        if error.status in {403, 429} and (until := self._limit(error, text)) is not None:
            return LimitReached(until)
        if error.status in {401, 403, 451}:
            return _denied(error, text, name, doing)
        if error.status == 409 and "empty" in text.lower():  # noqa: PLR2004
            return EmptyRepository(name)
        if error.status >= 500 or error.status in {408, 0}:  # noqa: PLR2004
            return GithubAway(f"GitHub answers {error.status}")
        return RefusedByGithub(f"GitHub refuses to {doing} {name}: {text}")

    def _limit(self, error: GithubException, text: str) -> datetime | None:
        """When requests are taken again; None where it is no limit that was reached."""
        headers = {str(k).lower(): str(v) for k, v in (error.headers or {}).items()}
        now = self._clock.now()
        if headers.get("retry-after", "").isdecimal():
            return now + timedelta(seconds=int(headers["retry-after"]))
        reset = headers.get("x-ratelimit-reset", "")
        if headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
            return datetime.fromtimestamp(int(reset) + 1, UTC)
        words = text.lower()  # older servers say "abuse detection" to what is a secondary limit now
        if error.status == 429 or "rate limit" in words or "abuse detection" in words:  # noqa: PLR2004
            return now + timedelta(seconds=SECONDARY_WAIT_S)
        return None


def _as_record(remote: Remote) -> RemoteRepository:
    permissions: Any = remote.permissions
    return RemoteRepository(
        full_name=remote.full_name,
        default_branch=remote.default_branch or "main",
        is_private=remote.private,
        size_kb=remote.size,
        may_push=bool(permissions and permissions.push),
    )


def _split(remote: Remote, below: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The longest branch or tag that the names begin with; else the first is one of them."""
    found: set[str] = set()
    for kind in ("heads", "tags"):
        refs = remote.get_git_matching_refs(f"{kind}/{below[0]}")
        for number, each in enumerate(refs):
            if number == MOST_REFS:
                break
            found.add(each.ref.removeprefix(f"refs/{kind}/"))
        for count in range(len(below), 0, -1):
            if "/".join(below[:count]) in found:
                return "/".join(below[:count]), below[count:]
    return below[0], below[1:]


def _denied(error: GithubException, text: str, name: str, doing: str) -> Exception:
    if error.status == 401:  # noqa: PLR2004 - also in other words than PyGithub knows
        return TokenRefused()
    if error.status == 451 or "access blocked" in text.lower():  # noqa: PLR2004
        return RepositoryBlocked(name, _block_of(error))
    return NoAccess(name, doing, text)


def _block_of(error: GithubException) -> str:
    """Why GitHub has blocked a repository: dmca, tos."""
    data: Any = error.data
    block: Any = cast("dict[str, Any]", data).get("block") if isinstance(data, dict) else None
    return str(cast("dict[str, Any]", block).get("reason", "")) if isinstance(block, dict) else ""


def _text_of(error: GithubException) -> str:
    """GitHub's own words, with those of the first field that is wrong."""
    data: Any = error.data
    if not isinstance(data, dict):
        return f"status {error.status}"
    answer = cast("dict[str, Any]", data)
    texts = [str(answer.get("message", ""))]
    faults = answer.get("errors")
    if isinstance(faults, list) and faults:
        first: Any = cast("list[Any]", faults)[0]
        says = cast("dict[str, Any]", first).get("message") if isinstance(first, dict) else first
        texts.append(str(says or ""))
    return "; ".join(text for text in texts if text)[:300]
