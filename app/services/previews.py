"""Previews: who looks at which port of which project, and the way there."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import jwt

from core.clock import Clock
from core.errors import NotFound, Refused
from core.ids import OwnerId, ProjectId
from jobs.files.folders import ProjectFolders
from tools.sandbox.doors import NothingListens
from tools.sandbox.elsewhere import Connection, Wanted, Workers
from tools.sandbox.port import NoSandbox
from tools.sandbox.sandbox import NO_PREVIEW, Sandbox

__all__ = ["NoPreview", "NothingListens", "Preview", "Previews"]

MOST = 1_000  # the ones that were not used for longest make room
OPEN_S = 60.0  # in which the first address has to be opened
LOOK_S = 12 * 3600.0
ALGORITHM = "HS256"


class NoPreview(Refused):
    """This installation shows no previews."""

    code = "no_preview"


class NoSuchPreview(NotFound):
    """The address is of no preview, or of one that is long over."""

    code = "no_such_preview"

    def __init__(self) -> None:
        super().__init__("There is no preview at this address. Open it from the project again.")


@dataclass
class Preview:
    """A person's look at one port of a project; `key` is what their browser shows."""

    label: str
    project_id: ProjectId
    owner: OwnerId
    port: int
    key: str
    ends_at_s: float


async def connect_here(folders: ProjectFolders, sandbox: Sandbox, wanted: Wanted) -> Connection:
    """A connection to a port in this process's sandbox. Raises: NothingListens, NoSandbox."""
    if wanted.project_id not in folders.opened:
        raise NothingListens(wanted.port)
    folder = folders.folder(wanted.project_id, owner=wanted.owner)
    return await sandbox.connect(folder.path, wanted.port)


class Previews:
    """Gives addresses to previews, and connects to what listens there.

    Each has a host of its own below that of `origin`, so that what a project's pages store and
    which cookies they set is theirs alone. All of it is in memory: an address is good in this
    process.

    `origin`, `scheme://host[:port]`, is set once it is known; without it there are no previews.
    """

    def __init__(
        self, folders: ProjectFolders, sandbox: Sandbox, clock: Clock, workers: Workers
    ) -> None:
        self._folders = folders
        self._sandbox = sandbox
        self._clock = clock
        self._workers = workers
        self._secret = secrets.token_bytes(32)
        self._known: OrderedDict[str, Preview] = OrderedDict()
        self.origin: str | None = None

    @property
    def are_possible(self) -> bool:
        """Whether anything can be looked at: here, or at a worker."""
        return self.origin is not None and (self._sandbox.is_reachable or bool(self._workers))

    def address(self, project_id: ProjectId, *, owner: OwnerId, port: int) -> str:
        """Where the owner's browser begins, within a minute; the caller owns the project.

        Raises:
            NoPreview: there are none here.
        """
        if self.origin is None:
            raise NoPreview("Previews are off here; they need POLARIS_PREVIEW_ORIGIN")
        if not self.are_possible:
            raise NoPreview(NO_PREVIEW)
        preview = self._opened(project_id, owner, port)
        until = self._clock.now() + timedelta(seconds=OPEN_S)
        claims = {"label": preview.label, "until": until.timestamp()}
        token = jwt.encode(claims, self._secret, ALGORITHM)
        scheme, host = self.origin.split("://", 1)
        return f"{scheme}://{preview.label}.{host}/preview/open?token={token}"

    def at(self, host: str) -> Preview:
        """The preview that a `Host` header names. Raises: NoSuchPreview."""
        base = urlsplit(self.origin or "").netloc.lower()
        label, _, rest = host.lower().partition(".")
        preview = self._known.get(label)
        if not base or rest != base or preview is None:
            raise NoSuchPreview
        if preview.ends_at_s < self._clock.monotonic():
            del self._known[label]
            raise NoSuchPreview
        self._known.move_to_end(label)
        return preview

    def may_open(self, preview: Preview, token: str) -> bool:
        """Whether the token of the first address is for this preview, and not too old."""
        try:
            claims = jwt.decode(token, self._secret, [ALGORITHM])
        except jwt.PyJWTError:
            return False
        until = claims["until"]
        return claims["label"] == preview.label and self._clock.now().timestamp() < until

    async def connect(self, preview: Preview) -> Connection:
        """A connection to its port: in this process's sandbox, else in that of a worker.

        Raises:
            NothingListens: nobody has it.
        """
        wanted = Wanted(preview.project_id, preview.owner, preview.port)
        try:
            return await connect_here(self._folders, self._sandbox, wanted)
        except (NothingListens, NoSandbox):
            return await self._workers.connect(wanted)

    def end_project(self, project_id: ProjectId) -> None:
        """The project is deleted."""
        for label, preview in tuple(self._known.items()):
            if preview.project_id == project_id:
                del self._known[label]

    def _opened(self, project_id: ProjectId, owner: OwnerId, port: int) -> Preview:
        name = f"{owner}\0{project_id}\0{port}".encode()
        label = "p" + hmac.new(self._secret, name, hashlib.sha256).hexdigest()[:24]
        ends_at_s = self._clock.monotonic() + LOOK_S
        preview = self._known.setdefault(
            label, Preview(label, project_id, owner, port, secrets.token_urlsafe(32), ends_at_s)
        )
        preview.ends_at_s = ends_at_s
        self._known.move_to_end(label)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return preview
