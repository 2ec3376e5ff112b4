"""One editor that speaks the Language Server Protocol to a session that others use as well."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Protocol, Self

from pydantic import Field, ValidationError

from core.errors import Refused
from tools.lsp.buffers import Buffers
from tools.lsp.errors import ServerFailed
from tools.lsp.language_servers import LanguageServers
from tools.lsp.methods import capabilities_for_editor, is_allowed
from tools.lsp.positions import MAX_DOCUMENT_BYTES, Lines
from tools.lsp.servers import NoServer, Server
from tools.lsp.session import Session
from tools.lsp.virtual import OutsideOfProject, for_client, from_client, path_of_client
from tools.lsp.wire import Range, Wire
from tools.workspace.port import RelPath

log = logging.getLogger(__name__)

Send = Callable[[str], None]

MAX_DOCUMENTS = 100
MAX_ASKED = 64  # requests without an answer
MAX_MISTAKES = 20
MAX_CHANGES = 1_000  # in one message

PARSE_ERROR, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602
NOT_INITIALIZED, CANCELLED, FAILED = -32002, -32800, -32803
_WARNING = 2


class TooManyMistakes(Refused):
    """What comes is no Language Server Protocol."""

    code = "invalid_message"


@dataclass
class OpenDocument:
    """A document as an editor has it."""

    uri: str
    version: int
    text: str


class Shared(Protocol):
    """What the editors of one project and language have in common; see `Editors`."""

    @property
    def servers(self) -> LanguageServers: ...  # noqa: D102 - see `Editors`, as all of them

    @property
    def server(self) -> Server: ...  # noqa: D102

    @property
    def folder(self) -> Path: ...  # noqa: D102

    @property
    def buffers(self) -> Buffers: ...  # noqa: D102

    def changed(self) -> None: ...  # noqa: D102

    def closed(self, editor: "Editor", *paths: RelPath) -> None: ...  # noqa: D102


class _Document(Wire):
    uri: Annotated[str, Field(max_length=4_000)]
    version: int = 0
    text: str = ""


class _Change(Wire):
    text: str
    range: Range | None = None


class _DocumentEvent(Wire):
    """The parameters of didOpen, didChange, didSave and didClose."""

    text_document: _Document
    content_changes: Annotated[tuple[_Change, ...], Field(max_length=MAX_CHANGES)] = ()


class _Fails(Exception):
    """A request is answered by an error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Editor:
    """Takes the messages of one editor, as `Editors.joined` gives it; an async context.

    Requests run beside each other, each under an id of its own at the server; what the editor has
    open is shared with the others. Nothing it says reaches a file outside of the project.
    """

    def __init__(self, editors: Shared, number: int, send: Send) -> None:
        self.number = number
        self.documents: dict[RelPath, OpenDocument] = {}
        self._editors = editors
        self._send = send
        self._tasks = asyncio.TaskGroup()
        self._asked: dict[object, asyncio.Task[None]] = {}
        self._is_initialized = False
        self._mistakes = 0
        self._is_over = False
        suffix = next(iter(editors.server.languages))
        self._last = RelPath(f"any{suffix}")  # of the folder itself

    async def __aenter__(self) -> Self:
        """Begin to answer."""
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Ask nothing more."""
        for task in tuple(self._asked.values()):
            task.cancel()
        await self._tasks.__aexit__(None, None, None)

    @property
    def is_over(self) -> bool:
        """Whether it has said `exit`."""
        return self._is_over

    def take(self, text: str) -> None:
        """One message. Raises: TooManyMistakes."""
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            self._mistake(PARSE_ERROR, "no JSON")
            return
        match message:
            case {"method": str(method), "id": str() | int() as number}:
                self._request(number, method, message.get("params"))
            case {"method": str(method)}:
                self._notified(method, message.get("params"))
            case {"id": _}:  # an answer: this side asks nothing
                return
            case _:
                self._mistake(INVALID_REQUEST, "no message of the protocol")

    def report(self, document: OpenDocument, found: list[Any], version: int | None) -> None:
        """Tell what is wrong in a document."""
        said: dict[str, object] = {"uri": document.uri, "diagnostics": found}
        if version is not None:
            said["version"] = version
        self._say({"method": "textDocument/publishDiagnostics", "params": said})

    def _say(self, message: Mapping[str, object]) -> None:
        text = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":"))
        self._send(text)

    def _mistake(self, code: int, text: str) -> None:
        self._mistakes += 1
        if self._mistakes >= MAX_MISTAKES:
            raise TooManyMistakes(f"{MAX_MISTAKES} messages were none of the protocol")
        self._say({"id": None, **_error(code, text)})

    def _warn(self, text: str) -> None:
        params = {"type": _WARNING, "message": text}
        self._say({"method": "window/logMessage", "params": params})

    def _request(self, number: str | int, method: str, params: Any) -> None:
        if number in self._asked or len(self._asked) >= MAX_ASKED:
            words = f"At most {MAX_ASKED} requests at a time, each with an id of its own"
            self._say({"id": number, **_error(FAILED, words)})
            return
        task = self._tasks.create_task(self._answer(number, method, params))
        self._asked[number] = task
        task.add_done_callback(partial(self._ended, number))

    def _ended(self, number: str | int, task: asyncio.Task[None]) -> None:
        """One that was taken back, perhaps before it was looked at, is answered as well."""
        if self._asked.get(number) is task:
            self._reply(number, _error(CANCELLED, "cancelled"))

    def _reply(self, number: str | int, said: Mapping[str, object]) -> None:
        del self._asked[number]
        self._say({"id": number, **said})

    async def _answer(self, number: str | int, method: str, params: Any) -> None:
        try:
            said: Mapping[str, object] = {"result": await self._result(method, params)}
        except _Fails as fails:
            said = _error(fails.code, str(fails))
        except OutsideOfProject as refused:
            said = _error(INVALID_PARAMS, str(refused))
        except Refused as refused:
            said = _error(FAILED, str(refused))
        except Exception:  # the rim: one request of one editor
            log.exception("editor_request_failed", extra={"method": method[:100]})
            said = _error(FAILED, "a fault on our side")
        self._reply(number, said)

    async def _result(self, method: str, params: Any) -> Any:
        if method == "shutdown":
            return None
        if method == "initialize":
            capabilities = await self._use(self._last, _capabilities)
            self._is_initialized = True
            shown = capabilities_for_editor(self._editors.server, capabilities)
            return {"capabilities": shown, "serverInfo": {"name": self._editors.server.name}}
        if not self._is_initialized:
            raise _Fails(NOT_INITIALIZED, "initialize comes first")
        path = self._path_in(params)

        async def ask(session: Session) -> Any:
            if not is_allowed(method, params, session.server, session.capabilities):
                raise _Fails(NO_METHOD, f"{method[:100]} is not passed on")
            asked = from_client(params, session.root)
            return for_client(await session.ask(method, asked or {}), session.root)

        return await self._use(path, ask)

    async def _use(self, path: RelPath, work: Callable[[Session], Any]) -> Any:
        editors = self._editors
        try:
            return await editors.servers.use(editors.folder, path, work, beside_others=True)
        except (NoServer, ServerFailed) as failed:
            raise _Fails(FAILED, str(failed)) from None

    def _path_in(self, params: Any) -> RelPath:
        """Which session is asked: that of the document, else of the last one."""
        match params:
            case {"textDocument": {"uri": str(uri)}}:
                self._last = path_of_client(uri)
            case _:
                pass
        return self._last

    def _notified(self, method: str, params: Any) -> None:
        match method:
            case "exit":
                self._is_over = True
            case "$/cancelRequest":
                match params:
                    case {"id": str() | int() as number} if number in self._asked:
                        self._asked[number].cancel()
                    case _:
                        pass
            case "textDocument/didOpen" | "textDocument/didChange" | "textDocument/didClose":
                try:
                    self._document(method, _DocumentEvent.model_validate(params))
                except ValidationError:
                    self._mistake(INVALID_PARAMS, f"not the parameters of {method}")
                except Refused as refused:
                    self._warn(str(refused))
            case _:  # saving, settings, traces: nothing follows from them here
                return

    def _document(self, method: str, event: _DocumentEvent) -> None:
        given = event.text_document
        path = path_of_client(given.uri)
        if method == "textDocument/didClose":
            if self.documents.pop(path, None) is not None:
                self._editors.closed(self, path)
                self._say(_nothing_wrong(given.uri))
            return
        if method == "textDocument/didOpen":
            document = OpenDocument(given.uri, given.version, given.text)
            if Path(path).suffix.lower() not in self._editors.server.languages:
                raise NoServer(f"{path} is in no language of {self._editors.server.name}")
            if path not in self.documents and len(self.documents) >= MAX_DOCUMENTS:
                raise ServerFailed(f"At most {MAX_DOCUMENTS} documents are open at a time")
        else:
            document = self.documents.get(path)
            if document is None:
                raise ServerFailed(f"{path} is not open")
            text = _with_changes(document.text, event.content_changes)
            document = OpenDocument(document.uri, given.version, text)
        if len(document.text) > MAX_DOCUMENT_BYTES:
            raise ServerFailed(f"{path} is longer than {MAX_DOCUMENT_BYTES:,} characters")
        self.documents[path] = document
        self._editors.buffers.put(self.number, path, document.text)
        self._editors.changed()


def _error(code: int, text: str) -> Mapping[str, object]:
    return {"error": {"code": code, "message": text}}


async def _capabilities(session: Session) -> Mapping[str, Any]:
    return session.capabilities


def _with_changes(text: str, changes: tuple[_Change, ...]) -> str:
    """The text afterwards; each change is whole, or replaces a range of what those before left."""
    for change in changes:
        if change.range is None:
            text = change.text
        else:
            lines = Lines.of(text)
            start, end = lines.offset(change.range.start), lines.offset(change.range.end)
            text = f"{text[:start]}{change.text}{text[max(start, end) :]}"
    return text


def _nothing_wrong(uri: str) -> Mapping[str, object]:
    params: dict[str, object] = {"uri": uri, "diagnostics": ()}
    return {"method": "textDocument/publishDiagnostics", "params": params}
