"""Every route that front ends A and J call, in their shape; each asserts what they read."""

from collections.abc import Mapping
from typing import Any

from core.ids import new_id
from tests.contracts.front_ends.convex_calls import Call
from tests.contracts.front_ends.page import Page


async def send(page: Page) -> None:
    """A reads `eventId`, J `runId`; both the id of the answer."""
    sent = await page.api.send(await page.conversation(), "hello")
    assert sent["success"] is True
    assert all(isinstance(sent[name], str) for name in ("messageId", "eventId", "runId"))
    await page.api.until_final(sent["messageId"])
    nowhere = {"conversationId": "nothing", "message": "hello"}
    missing = await page.api.call("POST", "/api/messages", nowhere)
    assert (missing.status, missing.body["error"]) == (404, "Conversation not found")


async def cancel_project(page: Page) -> None:
    body = {"projectId": await page.project()}
    assert await page.api.ok("POST", "/api/messages/cancel", body) == {
        "success": True,
        "cancelled": False,
    }
    sent = await page.api.send(await page.conversation(), "answer slowly")
    assert await page.api.ok("POST", "/api/messages/cancel", body) == {
        "success": True,
        "cancelled": True,
        "messageIds": [sent["messageId"]],
    }


async def cancel_message(page: Page) -> None:
    sent = await page.api.send(await page.conversation(), "answer slowly")
    body = {"messageId": sent["messageId"]}
    assert await page.api.ok("DELETE", "/api/messages", body) == {"success": True}


async def create_with_prompt(page: Page) -> None:
    body = {"prompt": "Make a tic-tac-toe game"}
    made = await page.api.ok("POST", "/api/projects/create-with-prompt", body)
    project = await page.query("projects:getById", id=made["projectId"])
    assert len(project["name"].split("-")) == 3
    conversations = await page.query("conversations:getByProject", projectId=made["projectId"])
    assert len(conversations) == 1


async def _imported(page: Page, body: dict[str, Any]) -> None:
    begun = await page.api.ok("POST", "/api/github/import", body)
    assert begun["success"] is True
    args: dict[str, object] = {"id": begun["projectId"]}
    row = await page.until("projects:getById", args, lambda row: row["importStatus"] != "importing")
    assert row["importStatus"] == "completed"
    files = await page.query("files:getFiles", projectId=begun["projectId"])
    assert [file["name"] for file in files] == ["README.md"]


async def import_by_url(page: Page) -> None:
    await _imported(page, {"url": page.repository})


async def import_by_repo_url(page: Page) -> None:
    await _imported(page, {"repoUrl": page.repository})


async def export_new(page: Page) -> None:
    await page.file()
    project = await page.project()
    name = new_id("req").replace("_", "-").lower()
    body = {
        "projectId": project,
        "repoName": name,
        "visibility": "private",
        "description": "From Polaris",
    }
    begun = await page.api.ok("POST", "/api/github/export", body)
    assert (begun["success"], begun["projectId"]) == (True, project)
    assert isinstance(begun["eventId"], str)
    row = await page.exported(project)
    assert row["exportStatus"] == "completed"
    assert row["exportRepoUrl"].endswith(f"/{name}")


async def export_to_url(page: Page) -> None:
    await page.file()
    project = await page.project()
    name = new_id("req").replace("_", "-").lower()
    body = {
        "projectId": project,
        "repoUrl": page.repository.replace("/octo/read", f"/octo/{name}"),
        "commitMessage": "Update from Polaris",
        "createIfNotExists": True,
        "isPrivate": True,
        "repoDescription": "",
    }
    assert (await page.api.ok("POST", "/api/github/export", body))["success"] is True
    assert (await page.exported(project))["exportStatus"] == "completed"


async def cancel_export(page: Page) -> None:
    project = await page.project()
    begun = await page.api.ok("POST", "/api/github/export/cancel", {"projectId": project})
    assert (begun["success"], begun["projectId"]) == (True, project)


async def reset_export(page: Page) -> None:
    project = await page.project()
    done = await page.api.ok("POST", "/api/github/export/reset", {"projectId": project})
    assert done == {"success": True, "projectId": project}
    assert "exportStatus" not in await page.query("projects:getById", id=project)


async def github_status(page: Page) -> None:
    status = await page.api.ok("GET", "/api/github/status")
    assert (status["connected"], status["username"]) == (True, "octo")


async def suggestion(page: Page) -> None:
    body = {
        "fileName": "a.ts",
        "code": "const one = ",
        "currentLine": "const one = ",
        "previousLines": "",
        "textBeforeCursor": "const one = ",
        "textAfterCursor": "",
        "nextLines": "",
        "lineNumber": 1,
    }
    answer = await page.api.ok("POST", "/api/suggestion", body)
    assert isinstance(answer["suggestion"], str)
    empty = await page.api.call("POST", "/api/suggestion", {**body, "code": ""})
    assert (empty.status, empty.body["error"]) == (400, "Code is required")


async def quick_edit(page: Page) -> None:
    body = {"selectedCode": "one", "fullCode": "one\ntwo\n", "instruction": "in capitals"}
    assert isinstance((await page.api.ok("POST", "/api/quick-edit", body))["editedCode"], str)


async def create_project(page: Page) -> None:
    made = await page.api.ok("POST", "/api/projects/create", {"name": "By J"})
    assert made.keys() == {"projectId", "tracked", "currentUsage", "limit"}


async def generate(page: Page) -> None:
    body = {"description": "A small tool, to write notes with.", "projectName": "Notes"}
    made = await page.api.ok("POST", "/api/projects/generate", body)
    assert made["success"] is True
    assert all(isinstance(made[name], str) for name in ("projectId", "runId"))
    await page.api.ok("POST", "/api/projects/generate/cancel", {"projectId": made["projectId"]})


async def check_limit(page: Page) -> None:
    answer = await page.api.ok("POST", "/api/projects/check-limit")
    assert (answer["allowed"], answer["limit"]) == (True, -1)
    assert await page.api.ok("PUT", "/api/projects/check-limit") == {"tracked": True}


async def delete_project(page: Page) -> None:
    project = await page.mutation("projects:create", name="Gone")
    gone = await page.api.ok("DELETE", f"/api/projects/delete?projectId={project}")
    assert gone["success"] is True
    assert isinstance(gone["message"], str)


async def checkout(page: Page) -> None:
    answer = await page.api.ok("POST", "/api/autumn/checkout", {"tier": "pro_monthly"})
    assert answer == {"checkoutUrl": None, "status": "no_checkout_url"}


async def portal(page: Page) -> None:
    answer = await page.api.call("POST", "/api/autumn/portal", {"returnUrl": "http://localhost"})
    assert (answer.status, answer.body["code"]) == (400, "no_billing")


async def sync(page: Page) -> None:
    answer = await page.api.ok("POST", "/api/autumn/sync")
    assert answer["synced"] is True
    assert answer["subscription"]["tier"] == "free"


_BOTH: Mapping[str, Call] = {
    "POST /api/messages": send,
    "POST /api/suggestion": suggestion,
    "POST /api/quick-edit": quick_edit,
}
A: Mapping[str, Call] = {
    **_BOTH,
    "POST /api/messages/cancel": cancel_project,
    "POST /api/projects/create-with-prompt": create_with_prompt,
    "POST /api/github/import": import_by_url,
    "POST /api/github/export": export_new,
    "POST /api/github/export/cancel": cancel_export,
    "POST /api/github/export/reset": reset_export,
}
J: Mapping[str, Call] = {
    **_BOTH,
    "DELETE /api/messages": cancel_message,
    "POST /api/projects/create": create_project,
    "POST /api/projects/generate": generate,
    "POST and PUT /api/projects/check-limit": check_limit,
    "DELETE /api/projects/delete": delete_project,
    "POST /api/github/import": import_by_repo_url,
    "POST /api/github/export": export_to_url,
    "GET /api/github/status": github_status,
    "POST /api/autumn/checkout": checkout,
    "POST /api/autumn/portal": portal,
    "POST /api/autumn/sync": sync,
}
