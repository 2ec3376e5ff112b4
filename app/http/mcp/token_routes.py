"""The token by which the tools of a project are used over MCP: routes, and what comes out."""

from pydantic import Field

from app.http.access import CallerDep, ServicesDep, api_router
from app.wire.shapes import Answer, Success
from core.ids import ProjectId

router = api_router("mcp")


class McpTokenAnswer(Answer):
    """A token for `/mcp`. It is shown this once."""

    token: str = Field(examples=["pmcp_…"])


@router.post("/projects/{project_id}/mcp-token", status_code=201)
async def issue_mcp_token(
    project_id: ProjectId, services: ServicesDep, caller: CallerDep
) -> McpTokenAnswer:
    """Make a token for the project's tools over MCP; the one before holds no more.

    Whoever has it acts for the owner, in this project only. It is kept as a hash.
    """
    return McpTokenAnswer(token=await services.mcp.tokens.issue(project_id, owner=caller.owner))


@router.delete("/projects/{project_id}/mcp-token")
async def withdraw_mcp_token(
    project_id: ProjectId, services: ServicesDep, caller: CallerDep
) -> Success:
    """Withdraw the project's token. Calls under way change nothing any more."""
    await services.mcp.tokens.withdraw(project_id, owner=caller.owner)
    return Success()
