"""People's editors of one project and language: they share the agent's session with it."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from core.errors import NotFound, Refused, Transient
from tools.lsp.buffers import Buffers
from tools.lsp.editor import Editor, Send
from tools.lsp.errors import Declined
from tools.lsp.language_servers import LanguageServers
from tools.lsp.servers import Server
from tools.lsp.session import Session
from tools.lsp.virtual import for_client
from tools.workspace.port import RelPath

log = logging.getLogger(__name__)

LOOK_S = 1.0  # what the agent and others change is looked for so often
SETTLE_S = 0.15  # typing goes on: not each letter is worth an answer
MAX_REPORTED = 1_000  # of one document

_numbers = count(1)


class Editors:
    """The editors, what they have open, and what they are told of it.

    Args:
        follow: makes the folder follow the store.
    """

    def __init__(
        self,
        servers: LanguageServers,
        server: Server,
        folder: Path,
        follow: Callable[[], Awaitable[None]],
    ) -> None:
        self.servers = servers
        self.server = server
        self.folder = folder
        self._follow = follow
        self._editors: dict[int, Editor] = {}
        self._changed = asyncio.Event()
        self._told: dict[tuple[int, RelPath], object] = {}
        self._seen: object = None
        self._trouble = ""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._editors)

    @property
    def buffers(self) -> Buffers:
        """What they have open."""
        return self.servers.buffers_of(self.folder, self.server)

    @asynccontextmanager
    async def joined(self, send: Send) -> AsyncGenerator[Editor]:
        """One editor more, until the block ends; `send` takes what it is told."""
        editor = Editor(self, next(_numbers), send)
        self._editors[editor.number] = editor
        try:
            async with editor:
                yield editor
        finally:
            del self._editors[editor.number]
            self.closed(editor, *editor.documents)

    def changed(self) -> None:
        """An editor has changed a document: what is said of it may be out of date."""
        self._changed.set()

    def closed(self, editor: Editor, *paths: RelPath) -> None:
        """An editor has closed documents."""
        for path in paths:
            self.buffers.close(editor.number, path)
            self._told.pop((editor.number, path), None)
        self.changed()

    async def run(self) -> None:
        """Tell the editors what is wrong in their documents, until cancelled.

        Raises: NotFound: the project is gone.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._changed.wait()
            await asyncio.sleep(SETTLE_S)
            self._changed.clear()
            try:
                await self._follow()
                await self._report()
            except NotFound:
                raise
            except (Refused, Transient) as trouble:
                if self._trouble != type(trouble).__name__:
                    log.info("editors_not_told", extra={"why": type(trouble).__name__})
                self._trouble = type(trouble).__name__
            else:
                self._trouble = ""

    async def _report(self) -> None:
        paths = sorted({path for editor in self._editors.values() for path in editor.documents})
        if not paths:
            return
        if not self.server.root_markers:  # one session has them all
            await self.servers.use(
                self.folder, paths[0], lambda it: self._report_of(it, paths), beside_others=True
            )
            return
        for path in paths:
            await self.servers.use(
                self.folder,
                path,
                lambda it, one=path: self._report_of(it, [one]),
                beside_others=True,
            )

    async def _report_of(self, session: Session, paths: list[RelPath]) -> None:
        seen = (session, session.state, tuple(paths), self.buffers.version)
        if seen == self._seen:
            return
        for path in paths:
            text = self.buffers.text(path)
            if text is None or not session.is_open(path):  # closed since, or newly opened
                continue
            try:
                found = await session.raw_findings(path)
            except Declined:
                continue
            shown = for_client(list(found[:MAX_REPORTED]), session.root)
            if self.buffers.text(path) == text:  # else it is of an older text
                self._tell(path, text, shown)
        self._seen = (session, session.state, tuple(paths), self.buffers.version)

    def _tell(self, path: RelPath, text: str, found: list[Any]) -> None:
        for editor in self._editors.values():
            document = editor.documents.get(path)
            if document is None:
                continue
            version = document.version if document.text == text else None
            key = (editor.number, path)
            if self._told.get(key) != (version, found):
                self._told[key] = (version, found)
                editor.report(document, found, version)
