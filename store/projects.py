"""Projects of an owner."""

from collections.abc import Sequence

from pydantic.alias_generators import to_camel

from core.ids import OwnerId, ProjectId, new_id
from store.client import ConvexHttp
from store.records import OutboxEvent, Page, Project, SettingsChange
from store.rows import decode, encode

_IDS = 1_000  # asked for at once


class Projects:
    """Every project is found through its owner.

    A stranger's id is NotFound, like one that never was.
    """

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def create(self, *, owner: OwnerId, name: str, key: str | None = None) -> Project:
        """Make an empty project. The same `key` from the same owner gives the same project again.

        Raises:
            Refused: the name is empty or longer than 200 characters.
        """
        args = {"ownerId": owner, "name": name, "externalId": key or new_id("req")}
        return decode(Project, await self._http.mutation("system/projects:create", args))

    async def list(
        self, *, owner: OwnerId, limit: int = 50, cursor: str | None = None
    ) -> Page[Project]:
        """The owner's projects, last updated first, at most 100 a page."""
        args = {"ownerId": owner, "limit": limit, "cursor": cursor}
        return decode(Page[Project], await self._http.query("system/projects:list", args))

    async def owned(self, project_id: ProjectId, *, owner: OwnerId) -> Project:
        """One project. Raises: NotFound."""
        args = {"ownerId": owner, "projectId": project_id}
        return decode(Project, await self._http.query("system/projects:get", args))

    async def existing(self, project_ids: Sequence[ProjectId]) -> frozenset[ProjectId]:
        """Those of the projects, of whatever owner, that are not deleted. For jobs only."""
        found: set[ProjectId] = set()
        for start in range(0, len(project_ids), _IDS):
            args = {"projectIds": list(project_ids[start : start + _IDS])}
            found.update(map(ProjectId, await self._http.query("system/projects:existing", args)))
        return frozenset(found)

    async def owners_of_any(self, owners: Sequence[OwnerId]) -> frozenset[OwnerId]:
        """Those of these people who have a project. For jobs only."""
        found: set[OwnerId] = set()
        for start in range(0, len(owners), _IDS):
            args = {"ownerIds": list(owners[start : start + _IDS])}
            found.update(map(OwnerId, await self._http.query("system/projects:ownersOfAny", args)))
        return frozenset(found)

    async def rename(self, project_id: ProjectId, *, owner: OwnerId, name: str) -> Project:
        """Give the project another name. Raises: NotFound, Refused."""
        args = {"ownerId": owner, "projectId": project_id, "name": name}
        return decode(Project, await self._http.mutation("system/projects:rename", args))

    async def configure(
        self, project_id: ProjectId, *, owner: OwnerId, change: SettingsChange
    ) -> Project:
        """Change some of the settings. Messages that are sent from now on go by them.

        Raises:
            NotFound: not the owner's.
            Refused: a command over 1,000 characters, more than 50 registries or rules, or
                one that is none.
        """
        given = {to_camel(name): value for name, value in change.items()}
        if (rules := change.get("approvals")) is not None:
            given["approvals"] = [encode(rule) for rule in rules]
        args = {"ownerId": owner, "projectId": project_id, "change": given}
        return decode(Project, await self._http.mutation("system/projects:configure", args))

    async def delete(self, project_id: ProjectId, *, owner: OwnerId) -> tuple[OutboxEvent, ...]:
        """Delete a project with all that is in it.

        It is gone for every reader at once; its rows and blobs go in batches, once the 30 seconds
        are over in which `restore` takes that back. Answers being written are cancelled: the events
        to send are returned (the relay sends them otherwise). Deleting again while it is hidden
        gives nothing and no error.

        Raises:
            NotFound: not the owner's.
        """
        args = {"ownerId": owner, "projectId": project_id}
        value = await self._http.mutation("system/projects:remove", args)
        return tuple(decode(OutboxEvent, event) for event in value)

    async def restore(self, project_id: ProjectId, *, owner: OwnerId) -> Project:
        """Take back a deletion of at most 30 seconds ago; one that is not deleted stays as it is.

        What was being written in it stays cancelled.

        Raises:
            NotFound: not the owner's, or deleted for good.
            ProjectLimitReached: the owner has made others since.
            Conflict: the account is being deleted.
        """
        args = {"ownerId": owner, "projectId": project_id}
        return decode(Project, await self._http.mutation("system/projects:restore", args))
