"""One language server in one folder: what it has been told, and asking it.

A server answers for the documents that are open in it as they were sent, and for all other files as
they were on the disk when it was last told of a change. So each call has the session for itself for
a turn, which begins with a look at the disk: what changed there is told first. Texts that are not
on the disk yet are shown as open documents; the next turn takes back what has not arrived there.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import Refused
from tools.lsp.buffers import Buffers
from tools.lsp.errors import Busy, Outdated, Silent
from tools.lsp.importers import Importers
from tools.lsp.known_lines import KnownLines
from tools.lsp.positions import path_of, uri_of
from tools.lsp.servers import Server
from tools.lsp.talk import Connect
from tools.lsp.watching import Look, differences, look
from tools.lsp.wire import (
    CONFIGURATION,
    INITIALIZED,
    MAX_ITEMS,
    PUBLISHED,
    REPORT,
    Finding,
    read,
)
from tools.text import decode
from tools.workspace.disk import DiskWorkspace
from tools.workspace.port import RelPath, Workspace

MAX_OPEN = 64  # documents; the one that was not used for longest is closed
MAX_CHANGES_TOLD = 5_000  # in one message; more are told in several

_CREATED, _CHANGED, _DELETED = 1, 2, 3  # FileChangeType

_ACKNOWLEDGED = (
    "client/registerCapability",
    "client/unregisterCapability",
    "window/workDoneProgress/create",
    "window/showMessageRequest",
    "workspace/diagnostic/refresh",
    "workspace/codeLens/refresh",
    "workspace/inlayHint/refresh",
    "workspace/semanticTokens/refresh",
    "window/showMessage",
    "window/logMessage",
    "telemetry/event",
    "$/progress",
    "$/logTrace",
)
"""What servers send that needs no more than an empty answer."""

_MARKUP = ["markdown", "plaintext"]
_FOR_EDITORS: Mapping[str, object] = {
    "completion": {"completionItem": {"documentationFormat": _MARKUP}, "contextSupport": True},
    "signatureHelp": {"signatureInformation": {"documentationFormat": _MARKUP}},
    "codeAction": {
        "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix", "refactor"]}}
    },
    "declaration": {},
    "typeDefinition": {},
    "implementation": {},
    "formatting": {},
    "rangeFormatting": {},
    "foldingRange": {},
    "selectionRange": {},
    "inlayHint": {},
}
"""What people's editors ask for; the agent does not."""

_CAPABILITIES = {
    "general": {"positionEncodings": ["utf-16"]},
    "workspace": {
        "configuration": True,
        "workspaceFolders": True,
        "didChangeWatchedFiles": {"dynamicRegistration": True},
        "symbol": {},
        "workspaceEdit": {"documentChanges": True},
    },
    "textDocument": {
        "synchronization": {},
        "definition": {"linkSupport": False},
        "references": {},
        "documentHighlight": {},
        "documentSymbol": {"hierarchicalDocumentSymbolSupport": True},
        "hover": {"contentFormat": _MARKUP},
        "rename": {"prepareSupport": False},
        "diagnostic": {"dynamicRegistration": False},  # else it is announced only later
        "publishDiagnostics": {"versionSupport": True, "relatedInformation": True},
        **_FOR_EDITORS,
    },
    "window": {"workDoneProgress": True},
}

MAX_SETTINGS = 1_000  # files; what is said of more is left out
SETTINGS_S = 0.3
QUIET_S = 0.5  # a server that pushes without versions may push an empty list first


@dataclass
class Document:
    """An open document; its text is that of the disk unless it `is_staged`."""

    version: int
    text: str
    is_staged: bool


@dataclass(frozen=True)
class Times:
    """How long a server may take."""

    start_s: float = 15.0
    answer_s: float = 15.0
    turn_s: float = 20.0
    """Waiting for calls that have the session before this one."""
    idle_s: float = 600.0


class Session:
    """See the module.

    Args:
        root: the project's folder, absolute and without links; all paths are relative to it.
        start: the folder that the server works in: `root`, or one below it.
        buffers: what people's editors have open in the project.
    """

    def __init__(  # noqa: PLR0913 - where, which, and what it is made with
        self,
        root: Path,
        start: Path,
        server: Server,
        *,
        times: Times,
        connect: Connect,
        buffers: Buffers | None = None,
    ) -> None:
        self.root = root
        self.capabilities: Mapping[str, Any] = {}
        """What the server has said that it can do."""
        self.state = 0
        """Counts on with whatever could change an answer."""
        self._buffers = buffers or Buffers()
        self._of_editors: set[RelPath] = set()
        self._exclusive = 0
        self._shared = 0
        self._beginning: asyncio.Event | None = None
        self._start = start
        self.server = server
        self._times = times
        self._disk: Workspace = DiskWorkspace(root)
        self._turn = asyncio.Lock()
        self.importers = Importers(root)
        self.known_lines = KnownLines()
        self._told = Look()
        self.layout = 0
        """Counts on when files come or go, and when a document is closed."""
        self.projects_open_at = -1
        """The layout of which each project has an open document; see `open_projects`."""
        self._documents: OrderedDict[RelPath, Document] = OrderedDict()
        self._pulls = False
        self._published: dict[RelPath, tuple[int | None, tuple[Finding, ...]]] = {}
        self._has_published = asyncio.Event()
        self._settings: dict[RelPath, tuple[Finding, ...]] = {}
        self._has_settings = asyncio.Event()
        self.talk = connect(
            {
                "workspace/configuration": self._configuration,
                "textDocument/publishDiagnostics": self._publish,
                **dict.fromkeys(_ACKNOWLEDGED, lambda _: None),
            }
        )

    @property
    def is_busy(self) -> bool:
        """Whether a call has it now."""
        return self._turn.locked()

    @property
    def seen(self) -> Look:
        """The files as they were at the beginning of this turn."""
        return self._told

    async def initialize(self) -> None:
        """The first words. Raises: Died, Silent, Declined, Nonsense."""
        self._told = await asyncio.to_thread(look, self.root, self.server)
        root = {"uri": self._start.as_uri(), "name": "project"}
        answer = await self.talk.request(
            "initialize",
            {
                "processId": None,  # it may run where our processes are not seen
                "rootUri": root["uri"],
                "rootPath": str(self._start),
                "workspaceFolders": [root],
                "capabilities": _CAPABILITIES,
            },
            timeout_s=self._times.start_s,
        )
        self._pulls = read(INITIALIZED, answer).capabilities.diagnostic_provider is not None
        self.capabilities = answer["capabilities"]
        self.talk.notify("initialized", {})

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Have the session alone, with the server told what the disk has.

        Raises:
            Busy: other calls have it for too long.
            Outdated: packages came or went, or the settings of a project changed: the server has to
                be started anew.
            Died, Nonsense: as `ask`.
        """
        self._exclusive += 1
        try:
            await self._acquire()
        finally:
            self._exclusive -= 1
        try:
            await self._begin()
            yield
        finally:
            self._turn.release()

    @asynccontextmanager
    async def shared_turn(self) -> AsyncGenerator[None]:
        """As `turn`, but beside others of this kind: for questions that show no text of their own.

        Raises: as `turn`.
        """
        async with self._patience():
            while self._beginning is not None:
                await self._beginning.wait()
        if self._shared and not self._exclusive:
            self._shared += 1
            self._show_buffers()
        else:
            await self._begin_shared()
        try:
            yield
        finally:
            self._shared -= 1
            if not self._shared:
                self._turn.release()

    async def _begin_shared(self) -> None:
        """Begin a turn that others may join; those that come meanwhile wait for it."""
        begun = self._beginning = asyncio.Event()
        try:
            await self._acquire()
            try:
                await self._begin()
            except BaseException:
                self._turn.release()
                raise
            self._shared = 1
        finally:
            self._beginning = None
            begun.set()

    @asynccontextmanager
    async def _patience(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(self._times.turn_s):
                yield
        except TimeoutError:
            raise Busy from None

    async def _acquire(self) -> None:
        async with self._patience():
            await self._turn.acquire()

    async def _begin(self) -> None:
        await self._take_back()
        await self._tell_changes()
        self._show_buffers()

    async def ask(self, method: str, params: Mapping[str, object]) -> Any:
        """A request as it is. Raises: Died, Silent, Declined, Nonsense."""
        return await self.talk.request(method, params, timeout_s=self._times.answer_s)

    def show(self, path: RelPath, text: str, *, is_staged: bool) -> None:
        """Make the server work with this text of a file, open from now on."""
        document = self._documents.get(path)
        if document is None:
            self._make_room()
            document = self._documents[path] = Document(1, text, is_staged)
            self.state += 1
            self._published.pop(path, None)
            suffix = Path(path).suffix.lower()
            self._document(
                "didOpen",
                path,
                {"languageId": self.server.languages[suffix], "version": 1, "text": text},
            )
            return
        self._documents.move_to_end(path)
        document.is_staged = is_staged
        if document.text == text:
            return
        document.text = text
        document.version += 1
        self.state += 1
        self._published.pop(path, None)
        self._document(
            "didChange", path, {"version": document.version}, contentChanges=[{"text": text}]
        )

    def is_open(self, path: RelPath) -> bool:
        """Whether the server has the document."""
        return path in self._documents

    async def open_from_disk(self, path: RelPath) -> None:
        """Open a document as the disk has it, unless it is open."""
        if path not in self._documents:
            await self._show_disk(path)

    def close(self, path: RelPath) -> None:
        """The file is as the disk has it, or is not."""
        if self._documents.pop(path, None) is not None:
            self.layout += 1
            self.state += 1
            self._published.pop(path, None)
            self._document("didClose", path, {})

    async def findings(self, path: RelPath) -> tuple[Finding, ...]:
        """The diagnostics of a file for the text that was shown last, or for the disk's.

        Raises:
            Silent: there are none yet.
            Died, Declined, Nonsense: as `ask`.
        """
        if self._pulls:
            uri = {"textDocument": {"uri": uri_of(self.root, path)}}
            return read(REPORT, await self.ask("textDocument/diagnostic", uri)).items
        return await self._pushed(path)

    async def raw_findings(self, path: RelPath) -> Sequence[Any]:
        """The same as the server says it, for an editor. Raises: as `findings`."""
        if not self._pulls:
            found = await self._pushed(path)
            return [each.model_dump(by_alias=True, exclude_none=True) for each in found]
        uri = {"textDocument": {"uri": uri_of(self.root, path)}}
        answer = await self.ask("textDocument/diagnostic", uri)
        read(REPORT, answer)
        return answer.get("items", [])[:MAX_ITEMS]

    async def settings_findings(self) -> Mapping[RelPath, tuple[Finding, ...]]:
        """What the server says of the files that define projects, as far as it has read them.

        It says so by itself, a moment after the first answer that depends on them.
        """
        if self.server.project_files:
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTINGS_S):
                    await self._has_settings.wait()
            self._has_settings.set()  # waited for once
        return self._settings

    async def _pushed(self, path: RelPath) -> tuple[Finding, ...]:
        """Wait for those of the version that was shown last."""
        document = self._documents[path]
        try:
            async with asyncio.timeout(self._times.answer_s):
                while True:
                    version, findings = self._published.get(path, (-1, ()))
                    if version == document.version:
                        return findings
                    if version is None and await self._is_quiet():
                        return self._published[path][1]
                    if version is not None:
                        self._has_published.clear()
                        await self._has_published.wait()
        except TimeoutError:
            raise Silent("diagnostics") from None

    async def _is_quiet(self) -> bool:
        self._has_published.clear()
        try:
            async with asyncio.timeout(QUIET_S):
                await self._has_published.wait()
        except TimeoutError:
            return True
        return False

    async def _take_back(self) -> None:
        """Staged texts of the last turn: the disk has them now, or they are not to be."""
        for path in [path for path, each in self._documents.items() if each.is_staged]:
            await self._show_disk(path)

    async def _tell_changes(self) -> None:
        before, now = self._told, await asyncio.to_thread(look, self.root, self.server)
        if (before.installed, before.settings) != (now.installed, now.settings):
            raise Outdated  # what it says of older settings could come late
        changes = differences(before, now)
        events = [
            {"uri": uri_of(self.root, path), "type": kind}
            for kind, paths in (
                (_CREATED, changes.created),
                (_CHANGED, changes.changed),
                (_DELETED, changes.deleted),
            )
            for path in paths
        ]
        for start in range(0, len(events), MAX_CHANGES_TOLD):
            self.talk.notify(
                "workspace/didChangeWatchedFiles",
                {"changes": events[start : start + MAX_CHANGES_TOLD]},
            )
        if changes.created or changes.deleted:
            self.layout += 1
        if events:
            self.state += 1
        for path in (*changes.created, *changes.changed, *changes.deleted):
            if path in self._documents:
                await self._show_disk(path)
        self._told = now

    async def _show_disk(self, path: RelPath) -> None:
        try:
            file = decode(await self._disk.read(path))
        except Refused:  # gone, a link now, or too large
            file = None
        if file is not None:
            self._buffers.arrived(path, file.raw)
        buffer = self._buffers.text(path)
        if buffer is not None:
            self.show(path, buffer, is_staged=False)
        elif file is None:
            self.close(path)
        else:
            self.show(path, file.raw, is_staged=False)

    def _show_buffers(self) -> None:
        """What editors have open, as far as it is for this server."""
        for path in [path for path in self._of_editors if self._buffers.text(path) is None]:
            self._of_editors.discard(path)
            self.close(path)  # as the disk has it; the next question opens it again
        for path in self._buffers.paths:
            text = self._buffers.text(path)
            if text is not None and (self.root / path).is_relative_to(self._start):
                self._of_editors.add(path)
                self.show(path, text, is_staged=False)

    def _make_room(self) -> None:
        others = [path for path in self._documents if path not in self._of_editors]
        if len(others) >= MAX_OPEN:
            self.close(others[0])

    def _document(
        self, event: str, path: RelPath, more: Mapping[str, object], **rest: object
    ) -> None:
        document = {"uri": uri_of(self.root, path), **more}
        self.talk.notify(f"textDocument/{event}", {"textDocument": document, **rest})

    def _configuration(self, params: object) -> Sequence[object]:
        items = read(CONFIGURATION, params).items
        return [self.server.settings.get(item.section or "") for item in items]

    def _publish(self, params: object) -> None:
        published = read(PUBLISHED, params)
        path = path_of(self.root, published.uri)
        if path is None:
            return
        if path in self._documents:
            self._published[path] = (published.version, published.diagnostics)
            self._has_published.set()
        elif path.endswith(".json") and len(self._settings) < MAX_SETTINGS:
            self._settings[path] = published.diagnostics
            self._has_settings.set()
