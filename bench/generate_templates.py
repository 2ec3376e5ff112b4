"""Each stack made into a small project by a scripted model, and built for real in the sandbox."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.demo.client import Api
from app.settings import own_environment
from bench.figures import say
from bench.product import scripted, start_dev
from jobs.generate.plan import STEPS
from jobs.generate.stacks import STACKS, StackName
from llm.scripted.scenario import Call, Reply, Rule, Scenario, When

REGISTRIES = "POLARIS_PACKAGE_REGISTRIES"  # the setting with host:port of those of npm and PyPI
POLL_S = 0.5

_TSCONFIG = {"strict": True, "skipLibCheck": True, "module": "esnext", "target": "es2022"}
_BUNDLED = _TSCONFIG | {"moduleResolution": "bundler", "jsx": "react-jsx", "noEmit": True}
_HATCH = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'


def _json(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def _node(scripts: dict[str, str], needed: dict[str, str], dev: dict[str, str]) -> str:
    packages = {"dependencies": needed, "devDependencies": dev}
    return _json({"name": "made", "private": True, "type": "module", "scripts": scripts} | packages)


_REACT = {"react": "^19.0.0", "react-dom": "^19.0.0"}
_REACT_TYPES = {"@types/react": "^19.0.0", "@types/react-dom": "^19.0.0", "typescript": "^5.0.0"}
_HELLO = "export function Hello() {\n  return <p>Hello</p>;\n}\n"

FILES: dict[StackName, dict[str, dict[str, str]]] = {
    StackName.REACT_VITE: {
        "config": {
            "package.json": _node(
                {"build": "tsc --noEmit && vite build"}, _REACT, _REACT_TYPES | {"vite": "^7.0.0"}
            ),
            "tsconfig.json": _json({"compilerOptions": _BUNDLED, "include": ["src"]}),
            "index.html": (
                '<div id="root"></div>\n<script type="module" src="/src/main.tsx"></script>\n'
            ),
        },
        "source structure": {
            "src/main.tsx": (
                'import { createRoot } from "react-dom/client";\n'
                'import { Hello } from "./components/Hello";\n\n'
                'createRoot(document.getElementById("root")!).render(<Hello />);\n'
            )
        },
        "components": {"src/components/Hello.tsx": _HELLO},
    },
    StackName.NEXT: {
        "config": {
            "package.json": _node(
                {"build": "next build"},
                _REACT | {"next": "^15.0.0"},
                _REACT_TYPES | {"@types/node": "^22.0.0"},
            ),
            "tsconfig.json": _json({"compilerOptions": _BUNDLED | {"jsx": "preserve"}}),
        },
        "source structure": {
            "app/layout.tsx": (
                'import type { ReactNode } from "react";\n\n'
                "export default function Layout({ children }: { children: ReactNode }) {\n"
                '  return <html lang="en"><body>{children}</body></html>;\n}\n'
            ),
            "app/page.tsx": "export default function Page() {\n  return <p>Hello</p>;\n}\n",
        },
    },
    StackName.FASTAPI: {
        "config": {
            "pyproject.toml": (
                '[project]\nname = "made"\nversion = "0.1"\ndependencies = ["fastapi"]\n'
                '[project.optional-dependencies]\ntest = ["pytest", "httpx"]\n'
                f'{_HATCH}[tool.hatch.build.targets.wheel]\npackages = ["app"]\n'
            )
        },
        "source structure": {
            "app/__init__.py": "",
            "app/main.py": (
                "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
                '@app.get("/")\ndef read() -> dict[str, str]:\n    return {"say": "hello"}\n'
            ),
        },
        "utilities": {
            "tests/test_main.py": (
                "from fastapi.testclient import TestClient\n\nfrom app.main import app\n\n\n"
                "def test_read() -> None:\n"
                '    assert TestClient(app).get("/").json() == {"say": "hello"}\n'
            )
        },
    },
    StackName.TYPESCRIPT_LIBRARY: {
        "config": {
            "package.json": _node(
                {"build": "tsc -p tsconfig.json", "test": "node --test"},
                {},
                {"typescript": "^5.0.0"},
            ),
            "tsconfig.json": _json(
                {
                    "compilerOptions": _TSCONFIG | {"rootDir": "src", "outDir": "dist"},
                    "include": ["src"],
                }
            ),
        },
        "source structure": {
            "src/index.ts": "export const add = (a: number, b: number): number => a + b;\n"
        },
        "utilities": {
            "test/add.test.js": (
                'import assert from "node:assert";\nimport { test } from "node:test";\n'
                'import { add } from "../dist/index.js";\n\n'
                'test("adds", () => assert.equal(add(1, 2), 3));\n'
            )
        },
    },
    StackName.PYTHON_PACKAGE: {
        "config": {
            "pyproject.toml": (
                '[project]\nname = "made"\nversion = "0.1"\ndependencies = []\n'
                '[project.optional-dependencies]\ntest = ["pytest"]\n'
                f'{_HATCH}[tool.hatch.build.targets.wheel]\npackages = ["src/made"]\n'
            )
        },
        "source structure": {"src/made/__init__.py": "def one() -> int:\n    return 1\n"},
        "utilities": {
            "tests/test_one.py": (
                "from made import one\n\n\ndef test_one() -> None:\n    assert one() == 1\n"
            )
        },
    },
}


def written(stack: StackName) -> dict[str, dict[str, str]]:
    """The files of each of the eight parts; a part of which the stack has none gets a note."""
    notes = {step.part: {f"notes/{step.part}.md": f"# {step.part}\n"} for step in STEPS}
    return notes | {"readme": {"README.md": "# Made\n"}} | FILES[stack]


def rules(stack: StackName) -> Iterator[Rule]:
    """What the scripted model says to who asks for this stack."""
    for number, step in enumerate(STEPS, start=1):
        files = written(stack)[step.part].items()
        calls = tuple(
            Call(name="writeFile", arguments={"path": path, "content": text})
            for path, text in files
        )
        for results, text, made in ((0, "I write it.", calls), (len(calls), "It is made.", ())):
            when = When(
                system_contains=f"another one: {STACKS[stack].title}.",
                user_contains=f"Step {number} of {len(STEPS)}",
                tool_results=results,
            )
            yield Rule(when=when, reply=Reply(text=text, tool_calls=made))


async def templates(folder: Path) -> dict[str, float]:
    """`generate.templates_verified` of all stacks, one after the other; what was run is printed.

    Nothing where no registries are named.
    """
    registries = own_environment().get(REGISTRIES)
    if not registries:
        say(f"generate.templates_verified is left out: {REGISTRIES} names no package registries")
        return {}
    say(f"{len(StackName)} stacks, made and then built with packages of the registries")
    scenario = Scenario(
        name="stacks", rules=tuple(rule for stack in StackName for rule in rules(stack))
    )
    async with scripted(scenario, folder) as model:
        child = await start_dev(model, folder, {REGISTRIES: registries})
        try:
            async with Api(child.ready["api"], child.ready["token"]) as api:
                verified = [await _is_verified(api, stack) for stack in StackName]
        finally:
            await child.stop()
    return {"generate.templates_verified": sum(verified), "generate.templates": len(verified)}


async def _is_verified(api: Api, stack: StackName) -> bool:
    project_id = await api.generate(f"A small example of {stack.value}", stack=stack.value)
    while (status := await api.generation(project_id))["status"] == "processing":  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)
    evidence: dict[str, Any] = status.get("verification") or {"state": status["status"]}
    say(f"  {stack.value}: {evidence['state']} {evidence.get('reason', '')}".rstrip())
    for check in evidence.get("checks", ()):
        how = f"exit code {check['exitCode']}" if "exitCode" in check else "ended by us"
        say(f"    {check['command']}: {how} after {check['tookS']:.1f} s")
    return evidence["state"] == "verified"
