"""One object per subject under one `Store`."""

from typing import Self

from store.account import Accounts
from store.accounts import GithubAccountRows
from store.asks import Asks
from store.attachments import Attachments
from store.checkpoints import Checkpoints
from store.client import ConvexHttp, StoreLimits
from store.conversations import Conversations
from store.deltas import DeltaBatcher, DeltaLimits
from store.edits import Edits
from store.entries import Entries
from store.events import GenerationEvents
from store.files import Files
from store.following import FollowedConversations
from store.generating import ProjectGenerations
from store.generations import Generations
from store.mcp import Mcp
from store.messages import Messages
from store.outbox import Outbox
from store.passage import Passage
from store.plans import Plans
from store.projects import Projects
from store.pulls import Pulls
from store.requests import Requests
from store.tasks import Tasks
from store.transfers import Transfers
from store.usage import UsageRows


class Store:
    """What people see, in Convex; use it as an async context manager.

    `async with Store(url, internal_key=key) as store: await store.projects.list(owner=owner)`.
    Leaving it flushes the deltas that are still pending, within `DeltaLimits.close_s`.
    """

    def __init__(
        self,
        url: str,
        *,
        internal_key: str,
        limits: StoreLimits | None = None,
        delta_limits: DeltaLimits | None = None,
    ) -> None:
        self.http = ConvexHttp(url, internal_key=internal_key, limits=limits)
        self.projects = Projects(self.http)
        self.files = Files(self.http)
        self.entries = Entries(self.http)
        self.checkpoints = Checkpoints(self.http)
        self.edits = Edits(self.http)
        self.conversations = Conversations(self.http)
        self.messages = Messages(self.http)
        self.following = FollowedConversations(self.http)
        self.attachments = Attachments(self.http)
        self.generations = Generations(self.http)
        self.asks = Asks(self.http)
        self.generating = ProjectGenerations(self.http)
        self.events = GenerationEvents(self.http)
        self.transfers = Transfers(self.http)
        self.requests = Requests(self.http)
        self.tasks = Tasks(self.http)
        self.pulls = Pulls(self.http)
        self.usage = UsageRows(self.http)
        self.plans = Plans(self.http)
        self.outbox = Outbox(self.http)
        self.mcp = Mcp(self.http)
        self.accounts = Accounts(self.http)
        self.github_accounts = GithubAccountRows(self.http)
        self.deltas = DeltaBatcher(self.http, delta_limits)
        self.passage = Passage(url)

    async def __aenter__(self) -> Self:
        """Open the connections and start the batcher."""
        await self.http.__aenter__()
        await self.deltas.__aenter__()
        await self.passage.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Flush what is pending and close the connections."""
        await self.passage.__aexit__(*error)
        try:
            await self.deltas.__aexit__(*error)
        finally:
            await self.http.__aexit__(*error)

    async def ping(self) -> None:
        """Reach Convex with our key, at once or not at all.

        Raises:
            StoreUnavailable: it does not answer.
            StoreDenied: it does not accept the key.
        """
        await self.http.ping()
