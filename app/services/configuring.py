"""The settings of a project: what it has chosen, and what the operator lets it choose from."""

from collections.abc import Collection

from core.errors import Refused
from core.ids import OwnerId, ProjectId
from store.gateway import Store
from store.records import ProjectSettings, SettingsChange
from tools.approvals import Rule, check
from tools.sandbox.registries import ALL, Registries


class RegistryNotAllowed(Refused):
    """A project can narrow what the operator allows, and not widen it."""

    code = "registry_not_allowed"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is not among the package registries that this installation allows "
            "(POLARIS_PACKAGE_REGISTRIES)"
        )


class Configuring:
    """Reads and changes the settings of projects.

    Args:
        registries: the package registries that the operator allows, as `host:port`.
    """

    def __init__(self, store: Store, registries: Collection[str]) -> None:
        self._store = store
        self.registries = tuple(sorted(ALL.among(registries)))

    async def settings(self, project_id: ProjectId, *, owner: OwnerId) -> ProjectSettings:
        """What the project has chosen. Raises: NotFound."""
        return (await self._store.projects.owned(project_id, owner=owner)).settings

    async def change(
        self, project_id: ProjectId, change: SettingsChange, *, owner: OwnerId
    ) -> ProjectSettings:
        """Change some of it; messages that are sent from now on go by that.

        Raises:
            NotFound: not the owner's project.
            RegistryNotAllowed: the operator does not allow one of the registries.
            BadGlob: the pattern of a rule for approvals cannot be used.
            Refused: a value is out of bounds.
        """
        await self._store.projects.owned(project_id, owner=owner)
        for name in change.get("registries") or ():
            if name not in self.registries:
                raise RegistryNotAllowed(name)
        for rule in change.get("approvals") or ():
            check(Rule(rule.tool, rule.policy, rule.pattern))
        project = await self._store.projects.configure(project_id, owner=owner, change=change)
        return project.settings


def chosen_registries(settings: ProjectSettings) -> Registries:
    """Which registries the commands of a project may reach."""
    return ALL if settings.registries is None else Registries(frozenset(settings.registries))
