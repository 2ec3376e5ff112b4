"""Editors through the real server: the language servers of a project over websockets."""

import asyncio
import json
from asyncio.subprocess import PIPE
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.services.editing import PER_PROJECT
from core.node import NODE
from tests.app.conftest import NewPerson
from tests.support.api_client import Api
from tests.support.lsp_client import ROOT, WAIT_S, Editor, editor_of
from tools.lsp.editor import MAX_MISTAKES
from tools.sandbox.sandbox import Sandbox

CLIENT = Path(__file__).with_name("lsp_editor.ts")

pytestmark = pytest.mark.timeout(240)

STRICT = '{"compilerOptions":{"strict":true,"module":"esnext","moduleResolution":"bundler"}}'
FILES = {
    "tsconfig.json": STRICT,
    "src/math.ts": "export function add(a: number, b: number) { return a + b; }\n",
    "src/use.ts": 'import { add } from "./math";\nexport const n: number = add(1, 2);\n',
}
USE = FILES["src/use.ts"]
WRONG = USE.replace("2", '"2"')
OTHER_MATH = "export function add(a: number, b: string) { return a + Number(b); }\n"
NOT_ASSIGNABLE = 2345


@pytest.fixture(autouse=True)
async def needs_a_sandbox() -> None:
    async with Sandbox() as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no user namespaces and no Landlock")


@pytest.fixture
async def project_id(api: Api) -> str:
    project_id = await api.project()
    for path, content in FILES.items():
        await put(api, project_id, path, content)
    return project_id


async def put(api: Api, project_id: str, path: str, content: str) -> None:
    await api.ok("PUT", f"/api/projects/{project_id}/files/{path}", {"content": content})


def at(path: str, line: int, character: int) -> dict[str, Any]:
    position = {"line": line, "character": character}
    return {"textDocument": {"uri": f"{ROOT}/{path}"}, "position": position}


async def test_an_editor_asks_and_is_told(api: Api, project_id: str) -> None:
    async with editor_of(api, project_id) as editor:
        assert (await editor.refused("textDocument/hover"))["code"] == -32002
        result = await editor.initialize()
        can = result["capabilities"]
        assert can["textDocumentSync"] == {"openClose": True, "change": 1, "save": True}
        assert can["hoverProvider"]
        assert "diagnosticProvider" not in can
        assert "executeCommandProvider" not in can
        await editor.open("src/use.ts", WRONG)
        await editor.until_wrong("src/use.ts", NOT_ASSIGNABLE, version=1)
        await editor.change("src/use.ts", 2, {"text": USE})
        await editor.until_wrong("src/use.ts", version=2)
        span = {"start": {"line": 1, "character": 32}, "end": {"line": 1, "character": 33}}
        await editor.change("src/use.ts", 3, {"range": span, "text": '"2"'})
        await editor.until_wrong("src/use.ts", NOT_ASSIGNABLE, version=3)

        hover = await editor.ask("textDocument/hover", **at("src/use.ts", 1, 26))
        assert "add(a: number, b: number): number" in str(hover["contents"])
        [place] = await editor.ask("textDocument/definition", **at("src/use.ts", 1, 26))
        assert place["uri"] == f"{ROOT}/src/math.ts"
        items = await editor.ask("textDocument/completion", **at("src/use.ts", 1, 28))
        assert "'label': 'add'" in str(items)
        edit = await editor.ask("textDocument/rename", **at("src/use.ts", 1, 26), newName="sum")
        assert all(uri.startswith(f"{ROOT}/src/") for uri in edit["changes"])
        await editor.close("src/use.ts")
        await editor.until_wrong("src/use.ts")
        assert await editor.ask("shutdown") is None
        await editor.notify("exit")
        assert await editor.until_closed() == 1000


async def test_editors_and_the_files_of_the_project_meet_in_one_state(
    api: Api, project_id: str
) -> None:
    async with editor_of(api, project_id) as one, editor_of(api, project_id, "typescript") as two:
        await one.initialize()
        await two.initialize()
        await one.open("src/use.ts", USE)
        await one.until_wrong("src/use.ts", version=1)
        await two.open("src/math.ts", FILES["src/math.ts"])
        await two.until_wrong("src/math.ts", version=1)
        await two.change("src/math.ts", 2, {"text": OTHER_MATH})
        await one.until_wrong("src/use.ts", NOT_ASSIGNABLE)  # of a text that nobody has saved
        await two.socket.close()
        await one.until_wrong("src/use.ts")  # the file is as it was
        await put(api, project_id, "src/math.ts", OTHER_MATH)
        await one.until_wrong("src/use.ts", NOT_ASSIGNABLE)  # what others write is seen


async def test_what_the_agent_writes_arrives_in_an_open_document(api: Api, project_id: str) -> None:
    async with editor_of(api, project_id) as editor:
        await editor.initialize()
        await editor.open("src/use.ts", USE, version=7)
        await editor.until_wrong("src/use.ts", version=7)
        await put(api, project_id, "src/use.ts", WRONG)
        await editor.until_wrong("src/use.ts", NOT_ASSIGNABLE)
        assert "version" not in editor.told[-1]["params"]  # it is of no text of the editor
        await editor.change("src/use.ts", 8, {"text": f"{USE}// typed on\n"})
        await editor.until_wrong("src/use.ts", version=8)


async def test_the_client_of_monaco_speaks_to_it(api: Api, project_id: str) -> None:
    url = f"{api.url.replace('http', 'ws', 1)}/api/projects/{project_id}/lsp/typescript"
    process = await asyncio.create_subprocess_exec(
        *(NODE, "--disable-warning=ExperimentalWarning", str(CLIENT), url, api.token),
        stdout=PIPE,
        stderr=PIPE,
    )
    async with asyncio.timeout(WAIT_S):
        said, wrong = await process.communicate()
    assert process.returncode == 0, wrong.decode()
    assert json.loads(said) == {
        "server": "typescript",
        "uri": f"{ROOT}/src/use.ts",
        "version": 1,
        "codes": [NOT_ASSIGNABLE],
        "places": [f"{ROOT}/src/math.ts"],
    }


async def test_python_has_its_own_server(api: Api, project_id: str) -> None:
    async with editor_of(api, project_id, "python") as editor:
        await editor.initialize()
        await editor.open("a.py", "wrong: str = 3\n", language="python")
        await editor.until_wrong("a.py", "invalid-assignment")


async def test_nothing_outside_of_the_project_is_reached_or_named(
    api: Api, project_id: str
) -> None:
    async with editor_of(api, project_id) as editor:
        await editor.initialize()
        await editor.open("src/use.ts", 'export const p = Promise.resolve("file:///etc/passwd");\n')
        for uri in ("file:///etc/passwd", f"{ROOT}/../a.ts", f"{ROOT}/.git/a.ts", "file:///"):
            error = await editor.refused(
                "textDocument/hover", **at("x", 0, 0) | {"textDocument": {"uri": uri}}
            )
            assert error["code"] == -32602, uri
        found = await editor.ask("textDocument/definition", **at("src/use.ts", 0, 20))
        assert found
        assert all(not each["uri"].startswith("file:///") for each in found)
        await editor.open("../up.ts", "let a: string = 1;")
        await editor.open("notes.txt", "words")
        assert await editor.ask("workspace/symbol", query="add")
        warned = [
            it["params"]["message"] for it in editor.told if it["method"] == "window/logMessage"
        ]
        assert any("is not below file:///workspace" in text for text in warned)
        assert any("notes.txt is in no language" in text for text in warned)


@pytest.mark.parametrize(
    "method",
    ["workspace/executeCommand", "workspace/applyEdit", "client/registerCapability", "any/thing"],
)
async def test_what_could_do_harm_is_not_passed_on(api: Api, project_id: str, method: str) -> None:
    async with editor_of(api, project_id) as editor:
        await editor.initialize()
        error = await editor.refused(method, command="typescript.restart", arguments=[])
        assert (error["code"], error["message"]) == (-32601, f"{method} is not passed on")


async def test_a_request_can_be_taken_back_and_the_others_go_on(api: Api, project_id: str) -> None:
    async with editor_of(api, project_id) as editor:
        number = await editor.send("initialize", capabilities={})
        await editor.notify("$/cancelRequest", id=number)
        answer = await editor.answer(number)
        assert "result" in answer or answer["error"]["code"] == -32800
        await editor.notify("$/cancelRequest", id=99)
        assert (await editor.initialize())["capabilities"]


async def test_what_is_no_message_is_said_so_and_too_many_end_it(api: Api, project_id: str) -> None:
    async with editor_of(api, project_id) as editor:
        for text in ("{", "[]", "7", '{"id": {}}', "[" * 100_000):
            await editor.socket.send_str(text)
        await editor.initialize()
        assert [it["error"]["code"] for it in editor.told] == [-32700, -32600, -32600, -32700]
        await editor.notify("textDocument/didOpen", textDocument="?")
        for _ in range(MAX_MISTAKES):
            await editor.socket.send_str("?")
        assert await editor.until_closed() == 1008
    async with editor_of(api, project_id) as editor:
        await editor.socket.send_bytes(b"{}")
        assert await editor.until_closed() == 1003
    async with editor_of(api, project_id) as editor:
        with suppress(ConnectionError):  # it is closed before all of it has been sent
            await editor.socket.send_str(" " * (2 * 1024 * 1024))
        assert await editor.until_closed() in {1009, 1006}


async def test_an_editor_is_the_owners_alone(
    api: Api, project_id: str, new_person: NewPerson
) -> None:
    async with editor_of(await new_person(), project_id) as editor:
        assert await editor.until_closed() == 4404
    async with editor_of(api, project_id, "cobol") as editor:
        assert await editor.until_closed() == 4404
    for token in ("", "nonsense"):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with editor_of(api, project_id, headers=headers) as editor:
            assert await editor.until_closed() == 4401


async def test_only_pages_of_ours_may_open_one(api: Api, project_id: str) -> None:
    auth = {"Authorization": f"Bearer {api.token}"}
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with editor_of(api, project_id, headers={**auth, "Origin": "https://evil.example"}):
            pass
    assert refused.value.status == 403
    protocols = ("polaris.lsp", f"bearer.{api.token}")
    origin = {"Origin": "https://ide.example"}
    async with editor_of(api, project_id, headers=origin, protocols=protocols) as editor:
        assert editor.socket.protocol == "polaris.lsp"
        await editor.initialize()


async def test_there_are_only_so_many_and_they_leave_with_the_project(
    api: Api, project_id: str
) -> None:
    editors: list[Editor] = []
    path = f"/api/projects/{project_id}/lsp/typescript"
    auth = {"Authorization": f"Bearer {api.token}"}
    for _ in range(PER_PROJECT):
        socket = await api.session.ws_connect(path, headers=auth)
        editors.append(Editor(socket))
        await editors[-1].refused("textDocument/hover")  # it is in
    async with editor_of(api, project_id) as one_more:
        assert await one_more.until_closed() == 4409
    await api.ok("DELETE", f"/api/projects/{project_id}")
    for editor in editors:
        assert await editor.until_closed() == 4404
