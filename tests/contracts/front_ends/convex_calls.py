"""Every Convex function that front ends A and J call, in their shape; each asserts what they read.

A ran for real and J's components in a bundle when these were listed; the names are theirs.
"""

from collections.abc import Awaitable, Callable, Mapping

from tests.contracts.front_ends.page import Page

Call = Callable[[Page], Awaitable[None]]


async def get_partial(page: Page) -> None:
    project = await page.project()
    rows = await page.query("projects:getPartial", limit=6)
    row = next(row for row in rows if row["_id"] == project)
    assert isinstance(row["name"], str)
    assert isinstance(row["updatedAt"], float | int)
    assert "importStatus" not in row  # absent, not null


async def get(page: Page) -> None:
    project = await page.project()
    assert project in [row["_id"] for row in await page.query("projects:get")]


async def get_by_id(page: Page) -> None:
    row = await page.query("projects:getById", id=await page.project())
    assert row.keys() >= {"_id", "_creationTime", "name", "updatedAt", "ownerId"}


async def create(page: Page) -> None:
    assert isinstance(await page.mutation("projects:create", name="Another"), str)


async def rename(page: Page) -> None:
    project = await page.project()
    await page.mutation("projects:rename", id=project, name="Renamed")
    assert (await page.query("projects:getById", id=project))["name"] == "Renamed"


async def update_settings(page: Page) -> None:
    project = await page.project()
    settings = {"installCommand": "pnpm install", "devCommand": "pnpm dev"}
    await page.mutation("projects:updateSettings", id=project, settings=settings)
    row = await page.query("projects:getById", id=project)
    assert row["settings"].items() >= settings.items()


async def get_generation_events(page: Page) -> None:
    body = {"description": "A small tool, to write notes with."}
    project = (await page.api.ok("POST", "/api/projects/generate", body))["projectId"]
    args: dict[str, object] = {"projectId": project, "limit": 200}
    events = await page.until("projects:getGenerationEvents", args, bool)
    assert events[0].keys() >= {"_id", "message", "type", "createdAt"}
    await page.api.ok("POST", "/api/projects/generate/cancel", {"projectId": project})


async def get_files(page: Page) -> None:
    await page.file()
    rows = await page.query("files:getFiles", projectId=await page.project())
    row = next(row for row in rows if row["name"] == "a.ts")
    assert (row["type"], isinstance(row["content"], str)) == ("file", True)
    assert "parentId" not in row
    assert "storageId" not in row


async def get_file(page: Page) -> None:
    row = await page.query("files:getFile", id=await page.file("read.ts", "two\n"))
    assert (row["name"], row["content"]) == ("read.ts", "two\n")
    assert len(row["sha256"]) == 64


async def get_file_path(page: Page) -> None:
    file = await page.file()
    assert await page.query("files:getFilePath", id=file) == [{"_id": file, "name": "a.ts"}]


async def get_folder_contents(page: Page) -> None:
    await page.file()
    rows = await page.query("files:getFolderContents", projectId=await page.project())
    assert all(row.keys() >= {"_id", "name", "type"} for row in rows)
    kinds = [row["type"] for row in rows]
    assert kinds == sorted(kinds, key=["folder", "file"].index)


async def update_file(page: Page) -> None:
    file = await page.file("typed.ts", "")
    await page.mutation("files:updateFile", id=file, content="typed\n")
    assert (await page.query("files:getFile", id=file))["content"] == "typed\n"


async def create_file(page: Page) -> None:
    project = await page.project()
    new = {"projectId": project, "name": "new.ts", "content": ""}
    assert await page.mutation("files:createFile", **new) is None


async def create_folder(page: Page) -> None:
    new = {"projectId": await page.project(), "name": "src"}
    assert await page.mutation("files:createFolder", **new) is None


async def rename_file(page: Page) -> None:
    file = await page.file("before.ts", "")
    await page.mutation("files:renameFile", id=file, newName="after.ts")
    assert (await page.query("files:getFile", id=file))["name"] == "after.ts"


async def delete_file(page: Page) -> None:
    file = await page.file("gone.ts", "")
    assert await page.mutation("files:deleteFile", id=file) is None
    rows = await page.query("files:getFolderContents", projectId=await page.project())
    assert file not in [row["_id"] for row in rows]


async def create_conversation(page: Page) -> None:
    assert isinstance(await page.conversation(), str)


async def get_conversation(page: Page) -> None:
    row = await page.query("conversations:getById", id=await page.conversation())
    assert row.keys() >= {"_id", "title", "_creationTime", "projectId", "updatedAt"}


async def get_by_project(page: Page) -> None:
    older, newer = await page.conversation(), await page.conversation()
    rows = await page.query("conversations:getByProject", projectId=await page.project())
    ids = [row["_id"] for row in rows]
    assert ids.index(newer) < ids.index(older)


async def get_messages(page: Page) -> None:
    """It is empty, then grows while the answer is written, then is whole."""
    conversation = await page.conversation()
    args: dict[str, object] = {"conversationId": conversation}
    sent = await page.api.send(conversation, "answer slowly")
    live = await page.until(
        "conversations:getMessages", args, lambda rows: bool(rows and rows[-1]["content"])
    )
    assert [row["role"] for row in live] == ["user", "assistant"]
    assert (live[1]["_id"], live[1]["status"]) == (sent["messageId"], "processing")
    assert "All work and no play." in live[1]["content"]
    assert "status" not in live[0]
    await page.api.ok("DELETE", "/api/messages", {"messageId": sent["messageId"]})
    ended = await page.query("conversations:getMessages", conversationId=conversation)
    assert ended[1]["status"] == "cancelled"
    assert ended[1]["content"].startswith("All work and no play.")


async def get_or_create_user(page: Page) -> None:
    assert await page.mutation("users:getOrCreateUser") == await page.mutation(
        "users:getOrCreateUser"
    )


async def get_subscription(page: Page) -> None:
    row = await page.query("users:getSubscription")
    assert row.keys() >= {"subscriptionTier", "subscriptionStatus", "canCreateProject"}
    assert (row["isFree"], row["isPro"], row["isInTrial"]) == (True, False, False)
    assert row["trialDaysRemaining"] == 0


async def get_billing_status(page: Page) -> None:
    row = await page.query("users:getBillingStatus")
    assert isinstance(row["projectCount"], float | int)
    assert (row["projectLimit"], row["remainingProjects"]) == (-1, "unlimited")


_BOTH: Mapping[str, Call] = {
    "projects.getPartial": get_partial,
    "projects.get": get,
    "projects.getById": get_by_id,
    "projects.rename": rename,
    "files.getFiles": get_files,
    "files.getFile": get_file,
    "files.getFilePath": get_file_path,
    "files.getFolderContents": get_folder_contents,
    "files.updateFile": update_file,
    "files.createFile": create_file,
    "files.createFolder": create_folder,
    "files.renameFile": rename_file,
    "files.deleteFile": delete_file,
    "conversations.create": create_conversation,
    "conversations.getById": get_conversation,
    "conversations.getByProject": get_by_project,
    "conversations.getMessages": get_messages,
}
A: Mapping[str, Call] = {
    **_BOTH,
    "projects.create": create,
    "projects.updateSettings": update_settings,
}
J: Mapping[str, Call] = {
    **_BOTH,
    "projects.getGenerationEvents": get_generation_events,
    "users.getOrCreateUser": get_or_create_user,
    "users.getSubscription": get_subscription,
    "users.getBillingStatus": get_billing_status,
}
