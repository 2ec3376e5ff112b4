"""The settings of a project: routes, and what goes in and comes out."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.http.access import CallerDep, ServicesDep, api_router
from app.wire.shapes import Answer, Body
from core.ids import ProjectId
from store.records import ApprovalPolicy, ApprovalRule, ProjectSettings, SettingsChange

router = api_router("projects")

MAX_REGISTRIES = 50
MAX_RULES = 50

Command = Annotated[str, Field(max_length=1_000)]
ToolSet = Literal["paths", "ids"]
Registry = Annotated[
    str,
    StringConstraints(to_lower=True),
    Field(pattern=r"^[a-zA-Z0-9.-]{1,253}:[0-9]{1,5}$", examples=["npm.example.com:443"]),
]


class ApprovalRuleBody(Body):
    """What happens with calls of a tool: all, or those whose paths or commands fit the pattern."""

    tool: Annotated[str, Field(min_length=1, max_length=200, examples=["executeCommand"])]
    pattern: Annotated[
        str | None, Field(min_length=1, max_length=400, examples=["npm install *"])
    ] = None
    policy: ApprovalPolicy

    def kept(self) -> ApprovalRule:
        """The rule as it is kept."""
        return ApprovalRule(self.tool, self.policy, self.pattern)


class ApprovalRuleAnswer(Answer):
    """A rule as it is kept."""

    tool: str
    pattern: str | None = None
    policy: ApprovalPolicy


class ProjectSettingsPatch(Body):
    """What to change; what is left out stays, null takes it back to the default.

    `registries` are those of the installation that commands may reach; an empty list means none.
    `approvals` are rules, of which the first that fits a call of the agent counts: it is run, is
    asked about, or is denied. What no rule fits is run.
    """

    install_command: Command | None = Field(None, examples=["npm install"])
    dev_command: Command | None = Field(None, examples=["npm run dev"])
    tool_set: ToolSet | None = None
    registries: Annotated[tuple[Registry, ...], Field(max_length=MAX_REGISTRIES)] | None = None
    approvals: Annotated[tuple[ApprovalRuleBody, ...], Field(max_length=MAX_RULES)] | None = None

    def change(self) -> SettingsChange:
        """The fields that were given."""
        change: SettingsChange = {}
        if "install_command" in self.model_fields_set:
            change["install_command"] = self.install_command
        if "dev_command" in self.model_fields_set:
            change["dev_command"] = self.dev_command
        if "tool_set" in self.model_fields_set:
            change["tool_set"] = self.tool_set
        if "registries" in self.model_fields_set:
            change["registries"] = self.registries
        if "approvals" in self.model_fields_set:
            rules = self.approvals
            change["approvals"] = None if rules is None else tuple(rule.kept() for rule in rules)
        return change


class ChosenSettings(Answer):
    """What a project has chosen; what is missing is as by default."""

    install_command: str | None = None
    dev_command: str | None = None
    tool_set: ToolSet | None = None
    registries: tuple[str, ...] | None = None
    approvals: tuple[ApprovalRuleAnswer, ...] | None = None


class ProjectSettingsAnswer(ChosenSettings):
    """What a project has chosen, and which registries it can choose from."""

    allowed_registries: tuple[str, ...]


@router.get("/projects/{project_id}/settings", response_model_exclude_none=True)
async def get_settings(
    project_id: ProjectId, services: ServicesDep, caller: CallerDep
) -> ProjectSettingsAnswer:
    """What the project has chosen: commands of the preview, the agent's tools, registries."""
    return _answer(await services.configuring.settings(project_id, owner=caller.owner), services)


@router.patch("/projects/{project_id}/settings", response_model_exclude_none=True)
async def change_settings(
    project_id: ProjectId, body: ProjectSettingsPatch, services: ServicesDep, caller: CallerDep
) -> ProjectSettingsAnswer:
    """Change some of them. Messages, calls and terminals that begin from now on go by it."""
    changed = await services.configuring.change(project_id, body.change(), owner=caller.owner)
    return _answer(changed, services)


def _answer(settings: ProjectSettings, services: ServicesDep) -> ProjectSettingsAnswer:
    chosen = ChosenSettings.model_validate(settings)
    return ProjectSettingsAnswer(
        **chosen.model_dump(), allowed_registries=services.configuring.registries
    )
