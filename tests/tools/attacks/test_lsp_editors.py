"""Editors that want out of the project, and servers that misbehave towards them."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.services.editing import QUEUED_BYTES, Outlet
from tests.tools.attacks.test_lsp import fake
from tests.tools.lsp.bench import put
from tools.lsp.editor import MAX_DOCUMENTS, MAX_MISTAKES, Editor, TooManyMistakes
from tools.lsp.editors import Editors
from tools.lsp.language_servers import LanguageServers
from tools.lsp.methods import capabilities_for_editor, is_allowed
from tools.lsp.servers import TYPESCRIPT
from tools.lsp.session import Times
from tools.lsp.virtual import OutsideOfProject, for_client, from_client

pytestmark = pytest.mark.timeout(120)

WAIT_S = 60.0  # for a server that starts on a busy machine
HERE = Path("/srv/data/a b/files")

ADDRESSES = [
    "file:///etc/passwd",
    "file:///workspace/../etc/passwd",
    "file:///workspace/%2e%2e/etc/passwd",
    "file:///workspace/a/../../etc/passwd",
    "file:///workspace/%00",
    "file:///workspace/a%00.ts",
    "file:///workspace/.git/config",
    "file:///workspace2/a.ts",
    "file:///WORKSPACE/a.ts",
    "file://evil.example/workspace/a.ts",
    "file:/etc/passwd",
    "file:",
    "file:///srv/data/a%20b/files/a.ts",
    "/workspace/../etc/passwd",
    "/workspace/.git/config",
    "file:///workspace/~/a.ts",
    "file:///workspace/C:/a.ts",
]


@pytest.mark.parametrize("uri", ADDRESSES)
@pytest.mark.parametrize("shape", ["value", "key", "deep"])
def test_no_address_leads_out(uri: str, shape: str) -> None:
    shapes: dict[str, Any] = {
        "value": {"textDocument": {"uri": uri}},
        "key": {"changes": {uri: True}},
        "deep": {"data": [{"file": [uri]}]},
    }
    with pytest.raises(OutsideOfProject):
        from_client(shapes[shape], HERE)


def test_addresses_of_the_project_go_there_and_back() -> None:
    said = {
        "rootUri": "file:///workspace",
        "rootPath": "/workspace",
        "uri": "file:///workspace/src/a%20b.ts",
        "data": {"fileName": "/workspace/src/a.ts", "n": 1, "none": None},
        "query": "a file: of words",
    }
    here = from_client(said, HERE)
    assert here["uri"] == "file:///srv/data/a%20b/files/src/a%20b.ts"
    assert here["data"]["fileName"] == "/srv/data/a b/files/src/a.ts"
    assert for_client(here, HERE) == said


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("file:///usr/lib/node/lib.d.ts", "outside:///lib.d.ts"),
        ("file:///srv/data/a%20b/other/a.ts", "outside:///a.ts"),
        ("file:///srv/data/a%20b/files2/a.ts", "outside:///a.ts"),
        ("see /srv/data/a b/files/src/a.ts", "see /workspace/src/a.ts"),
        ("[a](file:///srv/data/a%20b/files/a.ts)", "[a](file:///workspace/a.ts)"),
        ("bundled:///libs/lib.d.ts", "bundled:///libs/lib.d.ts"),
    ],
)
def test_where_a_project_stands_is_not_said(said: str, shown: str) -> None:
    assert for_client({"uri": said, said: [said]}, HERE) == {"uri": shown, shown: [shown]}


def test_a_command_runs_if_the_server_has_it_and_the_table_names_it() -> None:
    listed = TYPESCRIPT.model_copy(update={"commands": ("sort", "absent")})
    has = {"executeCommandProvider": {"commands": ["sort", "format_disk"]}}

    def runs(command: Any) -> bool:
        return is_allowed("workspace/executeCommand", {"command": command}, listed, has)

    assert [runs(it) for it in ("sort", "absent", "format_disk", 7, None)] == [True] + [False] * 4
    assert not is_allowed("workspace/executeCommand", {"command": "sort"}, TYPESCRIPT, has)
    assert not is_allowed("workspace/executeCommand", None, listed, {"executeCommandProvider": 1})
    assert capabilities_for_editor(listed, has)["executeCommandProvider"] == {"commands": ["sort"]}
    assert "executeCommandProvider" not in capabilities_for_editor(TYPESCRIPT, has)


class Joined:
    """An editor of a folder with a fake server, and what it is told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.editor: Editor

    def send(self, text: str) -> None:
        self.told.put_nowait(json.loads(text))

    def ask(self, number: int, method: str, **params: Any) -> None:
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self.editor.take(json.dumps(message))

    def notify(self, method: str, **params: Any) -> None:
        self.editor.take(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))

    def open(self, path: str, text: str = "x") -> None:
        document = {"uri": f"file:///workspace/{path}", "version": 1, "text": text}
        self.notify("textDocument/didOpen", textDocument=document)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S):
            return await self.told.get()


@asynccontextmanager
async def joined(folder: Path, mode: str, *, answer_s: float = 15.0) -> AsyncGenerator[Joined]:
    put(folder, {"a.fake": "x"})
    times = Times(answer_s=answer_s)
    async with LanguageServers(servers=(fake(mode),), times=times) as servers:

        async def follow() -> None:
            return

        editors = Editors(servers, servers.servers[0], folder, follow)
        client = Joined()
        async with editors.joined(client.send) as editor:
            client.editor = editor
            yield client


HOVER = {"textDocument": {"uri": "file:///workspace/a.fake"}}


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("crash", "has ended twice while it was asked"),
        ("hang", "has not answered in time"),
        ("no_json", "gave an answer that makes no sense (no JSON-RPC)"),
        ("ten_gigabytes", "gave an answer that makes no sense (a message of 10,000,000,000 bytes)"),
        ("error", "answers: No."),
    ],
)
async def test_an_editor_hears_what_is_wrong_with_the_server(
    tmp_path: Path, mode: str, words: str
) -> None:
    async with joined(tmp_path, mode, answer_s=5.0 if mode == "hang" else 15.0) as client:
        client.ask(1, "initialize")
        assert "capabilities" in (await client.next())["result"]
        client.ask(2, "textDocument/hover", **HOVER)
        error = (await client.next())["error"]
        assert error["code"] == -32803
        assert words in error["message"]


async def test_a_question_that_hangs_is_taken_back_and_others_are_refused_past_a_bound(
    tmp_path: Path,
) -> None:
    async with joined(tmp_path, "hang", answer_s=60.0) as client:
        client.ask(1, "initialize")
        await client.next()
        for number in range(2, 66):
            client.ask(number, "textDocument/hover", **HOVER)
        client.ask(66, "textDocument/hover", **HOVER)
        client.ask(2, "textDocument/hover", **HOVER)
        for number in (66, 2):
            said = await client.next()
            assert (said["id"], said["error"]["code"]) == (number, -32803)
            assert said["error"]["message"].startswith("At most 64 requests at a time")
        client.notify("$/cancelRequest", id=7)
        said = await client.next()
        assert (said["id"], said["error"]["code"]) == (7, -32800), said


async def test_documents_have_bounds(tmp_path: Path) -> None:
    async with joined(tmp_path, "rightly") as client:
        for number in range(MAX_DOCUMENTS):
            client.open(f"{number}.fake")
        assert client.told.empty()
        for path, text, words in (
            ("more.fake", "x", f"At most {MAX_DOCUMENTS} documents"),
            ("1.fake", "x" * 3_000_000, "1.fake is longer than 2,097,152 characters"),
            ("a.txt", "x", "a.txt is in no language of fake"),
            ("../a.fake", "x", "is not below file:///workspace"),
        ):
            client.open(path, text)
            said = await client.next()
            assert said["method"] == "window/logMessage"
            assert words in said["params"]["message"]
        change = {"uri": "file:///workspace/never.fake", "version": 2}
        client.notify("textDocument/didChange", textDocument=change, contentChanges=[])
        assert "never.fake is not open" in (await client.next())["params"]["message"]


async def test_what_is_no_protocol_ends_it(tmp_path: Path) -> None:
    async with joined(tmp_path, "rightly") as client:
        for _ in range(MAX_MISTAKES - 1):
            client.editor.take("\x00")
            assert (await client.next())["error"]["code"] == -32700
        with pytest.raises(TooManyMistakes):
            client.editor.take("\x00")


async def test_an_editor_that_takes_nothing_is_left_behind() -> None:
    outlet = Outlet()
    piece = "x" * (QUEUED_BYTES // 8)
    for _ in range(8):
        outlet.put(piece)
    assert not outlet.why
    outlet.put(piece)
    assert outlet.why == "too slow"
    assert [text async for text in outlet.texts()] == []
