"""Conversations of a project."""

from core.ids import ConversationId, OwnerId, ProjectId, new_id
from store.client import ConvexHttp
from store.records import Bounds, Conversation, OutboxEvent, Page, Todos
from store.rows import decode, encode


class Conversations:
    """Found through the owner of their project."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def create(
        self, project_id: ProjectId, *, owner: OwnerId, title: str, key: str | None = None
    ) -> Conversation:
        """Start a conversation.

        The same `key` gives the same one again. Raises: NotFound, Refused.
        """
        args = {
            "ownerId": owner,
            "projectId": project_id,
            "title": title,
            "externalId": key or new_id("req"),
        }
        return decode(Conversation, await self._http.mutation("system/conversations:create", args))

    async def keyed(
        self, project_id: ProjectId, key: str, *, owner: OwnerId
    ) -> Conversation | None:
        """The one that `create` has made with this key; None: none. Raises: NotFound."""
        args = {"ownerId": owner, "projectId": project_id, "externalId": key}
        row = await self._http.query("system/conversations:keyed", args)
        return None if row is None else decode(Conversation, row)

    async def list(
        self,
        project_id: ProjectId,
        *,
        owner: OwnerId,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Conversation]:
        """The project's conversations, newest first, at most 100 a page. Raises: NotFound."""
        args = {"ownerId": owner, "projectId": project_id, "limit": limit, "cursor": cursor}
        return decode(Page[Conversation], await self._http.query("system/conversations:list", args))

    async def owned(self, conversation_id: ConversationId, *, owner: OwnerId) -> Conversation:
        """One conversation. Raises: NotFound."""
        args = {"ownerId": owner, "conversationId": conversation_id}
        return decode(Conversation, await self._http.query("system/conversations:get", args))

    async def rename(
        self, conversation_id: ConversationId, *, owner: OwnerId, title: str
    ) -> Conversation:
        """Change the title. Raises: NotFound, Refused."""
        args = {"ownerId": owner, "conversationId": conversation_id, "title": title}
        return decode(Conversation, await self._http.mutation("system/conversations:rename", args))

    async def choose_model(
        self, conversation_id: ConversationId, *, owner: OwnerId, model: str | None
    ) -> Conversation:
        """Have a model answer from now on; None: the default. Raises: NotFound."""
        args = {"ownerId": owner, "conversationId": conversation_id, "model": model}
        row = await self._http.mutation("system/conversations:chooseModel", args)
        return decode(Conversation, row)

    async def set_budget(
        self, conversation_id: ConversationId, *, owner: OwnerId, budget: Bounds | None
    ) -> Conversation:
        """Set what its answers may take; None: as everywhere. Raises: NotFound, Refused."""
        given = None if budget is None else encode(budget)
        args = {"ownerId": owner, "conversationId": conversation_id, "budget": given}
        return decode(
            Conversation, await self._http.mutation("system/conversations:setBudget", args)
        )

    async def untitled(self, conversation_id: ConversationId, *, owner: OwnerId) -> str | None:
        """The beginning of a conversation that is to get a title from it; None: it has one.

        Raises: NotFound.
        """
        args = {"ownerId": owner, "conversationId": conversation_id}
        said = await self._http.query("system/conversations:untitled", args)
        return None if said is None else str(said)

    async def entitle(self, conversation_id: ConversationId, *, owner: OwnerId, title: str) -> bool:
        """Give it a title that was found; False: somebody has named it. Raises: NotFound."""
        args = {"ownerId": owner, "conversationId": conversation_id, "title": title}
        return bool(await self._http.mutation("system/conversations:entitle", args))

    async def todos(self, conversation_id: ConversationId, *, owner: OwnerId) -> Todos | None:
        """The newest plan of the model; None: it has made none. Raises: NotFound."""
        args = {"ownerId": owner, "conversationId": conversation_id}
        row = await self._http.query("system/conversations:todos", args)
        return None if row is None else decode(Todos, row)

    async def remove(
        self, conversation_id: ConversationId, *, owner: OwnerId
    ) -> tuple[OutboxEvent, ...]:
        """Delete it with its messages; the events stop what is being written. Raises: NotFound."""
        args = {"ownerId": owner, "conversationId": conversation_id}
        rows = await self._http.mutation("system/conversations:remove", args)
        return tuple(decode(OutboxEvent, row) for row in rows)
