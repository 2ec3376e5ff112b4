"""GitHub: what goes in and comes out."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from app.wire.shapes import Answer, Body, Millis
from core.ids import EventId, ProjectId
from core.people import PERSON, PERSON_CHARS
from store.records import TransferKind

URL_LIMIT_CHARS = 2_000
ID_LIMIT_CHARS = 64
TEXT_LIMIT_CHARS = 4_000  # of a sealed login, some 600; of a code, 20

Url = Annotated[
    str,
    Field(
        max_length=URL_LIMIT_CHARS,
        description="Any form in which the address of a repository is pasted.",
        examples=["https://github.com/owner/repository"],
    ),
]
Id = Annotated[ProjectId, Field(max_length=ID_LIMIT_CHARS)]
ReturnTo = Annotated[str, Field(min_length=1, max_length=URL_LIMIT_CHARS)]
Scopes = tuple[str, ...] | None


Person = Annotated[
    str,
    Field(
        pattern=PERSON,
        max_length=PERSON_CHARS,
        examples=["Ada Lovelace <ada@example.com>"],
    ),
]
Message = Annotated[str, Field(min_length=1, max_length=5_000)]
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_+-]*(?:\.[A-Za-z0-9_+-]+)*"


def _no_lock(branch: str) -> str:
    if any(name.endswith(".lock") for name in branch.split("/")):
        raise ValueError("no name of a branch ends with .lock")
    return branch


Branch = Annotated[
    str,
    Field(pattern=rf"^{_NAME}(?:/{_NAME})*$", max_length=200, examples=["polaris/new-header"]),
    AfterValidator(_no_lock),
]


class SignedBody(Body):
    """Whom a commit is of; who is not named is as the server's settings say."""

    author: Person | None = None
    committer: Person | None = None
    co_authors: Annotated[tuple[Person, ...], Field(max_length=10)] = ()


class ImportBody(Body):
    """A repository to import; `url` and `repoUrl` mean the same."""

    url: Url | None = None
    repo_url: Url | None = None
    branch: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None, description="A branch, tag or commit; not given: the default branch."
    )
    folder: Annotated[str, Field(max_length=1_024)] | None = Field(
        None, description="Only what is in this folder of the repository.", examples=["packages/a"]
    )


class ExportBody(SignedBody):
    """Where a project goes: to a new repository (`repoName`), or to an address (`repoUrl`)."""

    project_id: Id
    repo_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")] | None = Field(
        None, description="A repository of the connected account, to be made."
    )
    visibility: Literal["public", "private"] = "private"
    description: Annotated[str, Field(max_length=350)] | None = None
    repo_url: Url | None = None
    commit_message: Message | None = Field(
        None, description="Not given: made up from what has changed."
    )
    create_if_not_exists: bool = False
    is_private: bool = True
    repo_description: Annotated[str, Field(max_length=350)] | None = None


class ProjectBody(Body):
    """Which project."""

    project_id: Id


class PullRequestBody(SignedBody):
    """A project whose changes are to be proposed; what is not given is made up."""

    project_id: Id
    branch: Branch | None = Field(
        None, description="The branch to push to; not given: one of this project, always the same."
    )
    title: Annotated[str, Field(min_length=1, max_length=250)] | None = None
    body: Annotated[str, Field(max_length=20_000)] | None = None
    commit_message: Message | None = None


class StartedAnswer(Answer):
    """A transfer that is under way; follow it with `transfers:latest` or `…/transfers`."""

    success: Literal[True] = True
    project_id: ProjectId
    event_id: EventId
    transfer_id: str


class ResetAnswer(Answer):
    """It is done."""

    success: Literal[True] = True
    project_id: ProjectId


class CancelledAnswer(Answer):
    """Whether something was stopped. What ended before is left as it is."""

    success: Literal[True] = True
    project_id: ProjectId
    cancelled: bool
    event_id: EventId | None = None


class ConnectionAnswer(Answer):
    """Whether a GitHub account is connected."""

    connected: bool
    username: str | None = None
    scopes: Scopes = None
    missing_scopes: Scopes = None
    error: str | None = None


class ConnectBody(Body):
    """Where the login ends."""

    return_to: ReturnTo | None = Field(
        None, description="Where the browser goes at last: a path, or a page of a known origin."
    )


class BegunAnswer(Answer):
    """A login in a browser that is under way."""

    success: Literal[True] = True
    url: Annotated[str, Field(description="Where the browser goes now: a page of GitHub.")]
    expires_at: Millis


class ReturnBody(Body):
    """What GitHub has sent to a page."""

    state: Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT_CHARS)]
    code: Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT_CHARS)] | None = None
    error: Annotated[str, Field(max_length=TEXT_LIMIT_CHARS)] | None = None


class ConnectedAnswer(Answer):
    """Whose account is connected now."""

    success: Literal[True] = True
    username: str
    scopes: Scopes = None
    missing_scopes: Scopes = None


class BegunDeviceAnswer(Answer):
    """A login by a code: the person types `userCode` in at `verificationUri`."""

    success: Literal[True] = True
    user_code: str
    verification_uri: str
    expires_at: Millis
    interval_s: Annotated[int, Field(description="Seconds between two questions.")]
    device: Annotated[str, Field(description="What to ask with.")]


class DeviceBody(Body):
    """Which login by a code."""

    device: Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT_CHARS)]


class PolledAnswer(Answer):
    """Whether the code was typed in."""

    success: Literal[True] = True
    status: Literal["pending", "connected"]
    interval_s: int | None = None
    username: str | None = None
    scopes: Scopes = None
    missing_scopes: Scopes = None


class DisconnectedAnswer(Answer):
    """It is forgotten here. `revoked`: its token was ended at GitHub as well."""

    success: Literal[True] = True
    revoked: bool


class ReportLineAnswer(Answer):
    """A file, and what is to be said of it."""

    path: str
    reason: str


class PullRequestAnswer(Answer):
    """A pull request on GitHub."""

    number: int
    url: str


class TransferAnswer(Answer):
    """An import, export, pull or pull request: how far it is, and how it ended."""

    transfer_id: str
    project_id: ProjectId
    kind: TransferKind
    status: Literal["running", "completed", "failed", "cancelled"]
    phase: str | None = None
    done: Annotated[int, Field(description="Files that are through.")]
    total: int
    bytes: int | None = None
    total_bytes: int | None = None
    waiting_until: Millis | None = None
    skipped: tuple[ReportLineAnswer, ...] | None = None
    skipped_count: int | None = None
    notes: tuple[ReportLineAnswer, ...] | None = None
    branch: str | None = None
    commit: str | None = None
    repo_url: str | None = None
    conflicts: tuple[ReportLineAnswer, ...] | None = Field(
        None, description="Of a pull: files that both sides have changed, and where to look."
    )
    conflicts_count: int | None = None
    pull_request: PullRequestAnswer | None = None
    error: str | None = None
    error_code: str | None = None
    created_at: Millis


class TransfersAnswer(Answer):
    """The last transfers of a project, newest first."""

    transfers: tuple[TransferAnswer, ...]
