"""All that is a person's as files: projects as they are, and the rows about them as JSON."""

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from core.clock import Clock
from core.errors import NotFound
from core.ids import OwnerId, ProjectId
from jobs.archives.packing import Entry, entries_of
from store.gateway import Store

VERSION = 1
OF_OWNER = ("users", "githubAccounts", "usageDays", "dayBudgets")
OF_PROJECT = ("transfers", "projectGenerations", "generationEvents", "checkpoints", "mcpServers")
OF_MESSAGE = ("messageTexts", "condensations", "resultImages")
"""Of messages of people, too."""

OF_ANSWER = ("turns", "toolCalls", "resultParts", "asks", "todos", "usageRecords")
BATCH_ROWS = 1_000  # of one file; what is beyond is in the next

Row = Mapping[str, Any]
Files = AsyncIterator[Sequence[Entry]]

READ_ME = """\
All that this installation of Polaris keeps of one person.

account.json            who it is, how much is stored
users, usageDays, …     rows that belong to the person, JSON Lines
projects/NAME-ID/
  project.json          name, settings, where it came from
  files/                the files as they are
  transfers, …          rows that belong to the project, JSON Lines
  conversations/ID/
    conversation.json
    000001-user.json    a message with all that is kept of it: turns, tool calls, results, questions
    blobs/              images and whole outputs, by the id that a message names them with

Times are milliseconds since 1970. Tokens and other secrets are left out, and so are copies that are
kept for minutes and contents of files that have been replaced.
"""


class Exporting:
    """Reads an account page by page: in memory is one message, or 4 MB of files, at a time."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def files(self, owner: OwnerId) -> Files:
        """Every file of the export, some at a time. Raises: StoreUnavailable, midway, too."""
        about = await self._store.accounts.about(owner=owner)
        said = {
            "version": VERSION,
            "ownerId": owner,
            "exportedAt": round(self._clock.now().timestamp() * 1000),
            "storageBytes": about.storage_bytes,
        }
        yield [Entry("README.txt", READ_ME.encode()), Entry("account.json", _json(said))]
        for table in OF_OWNER:
            async for entries in self._rows(table, table, owner):
                yield entries
        seen: set[str] = set()  # one that is changed meanwhile comes again
        async for project in self._store.accounts.rows("projects", owner=owner):
            if "deletedAt" in project or project["_id"] in seen:
                continue
            seen.add(project["_id"])
            async for entries in self._unless_deleted(project, owner):
                yield entries

    async def _unless_deleted(self, project: Row, owner: OwnerId) -> Files:
        try:
            async for entries in self._project(project, owner):
                yield entries
        except NotFound:  # it was deleted meanwhile
            return

    async def _project(self, project: Row, owner: OwnerId) -> Files:
        project_id = ProjectId(project["_id"])
        folder = f"projects/{_named(project['name'])}-{project_id}/"
        yield [Entry(f"{folder}project.json", _json(project))]
        async for entries in entries_of(
            self._store, project_id, owner=owner, below=f"{folder}files/"
        ):
            yield entries
        for table in OF_PROJECT:
            async for entries in self._rows(table, f"{folder}{table}", owner, of=project_id):
                yield entries
        async for entries in self._conversations(project_id, f"{folder}conversations/", owner):
            yield entries

    async def _conversations(self, project_id: ProjectId, folder: str, owner: OwnerId) -> Files:
        rows = self._store.accounts.rows
        async for conversation in rows("conversations", owner=owner, of=project_id):
            if "deletedAt" in conversation:
                continue
            below = f"{folder}{conversation['_id']}/"
            yield [Entry(f"{below}conversation.json", _json(conversation))]
            try:
                async for message in rows("messages", owner=owner, of=conversation["_id"]):
                    async for entries in self._message(message, below, owner):
                        yield entries
            except NotFound:  # the conversation was deleted meanwhile
                continue

    async def _message(self, message: Row, folder: str, owner: OwnerId) -> Files:
        tables = OF_MESSAGE + (OF_ANSWER if message["role"] == "assistant" else ())
        whole: dict[str, Any] = dict(message)
        for table in tables:
            rows = self._store.accounts.rows(table, owner=owner, of=message["_id"])
            found = [row async for row in rows]
            if table == "resultImages":
                for blob in found:
                    if (url := blob.pop("url", None)) is not None:
                        data = await self._store.accounts.blob(url)
                        yield [Entry(f"{folder}blobs/{blob['storageId']}", data)]
            if found:
                whole[table] = found
        yield [Entry(f"{folder}{round(message['order']):06}-{message['role']}.json", _json(whole))]

    async def _rows(self, table: str, path: str, owner: OwnerId, of: str | None = None) -> Files:
        """JSON Lines, in as many files as it takes; none for no rows."""
        lines: list[bytes] = []
        number = 1
        async for row in self._store.accounts.rows(table, owner=owner, of=of):
            lines.append(_line(row))
            if len(lines) == BATCH_ROWS:
                yield [Entry(f"{path}-{number}.jsonl", b"".join(lines))]
                lines, number = [], number + 1
        if lines:
            name = path if number == 1 else f"{path}-{number}"
            yield [Entry(f"{name}.jsonl", b"".join(lines))]


def _named(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "project"


def _line(row: Row) -> bytes:
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace") + b"\n"


def _json(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return text.encode(errors="replace") + b"\n"
