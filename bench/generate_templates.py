"""Each stack made into a small project by a scripted model, and built for real in the sandbox.

`python -m tests.jobs.generate.templates [STACK …]` prints one JSON object. It needs a sandbox and
the package registries of `REGISTRIES`.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.figures import say
from core.ids import OwnerId
from jobs.generate.stacks import StackName
from store import Store
from store.records import Check
from tests.jobs.generate.site import Author, Site
from tests.support.product import environment, running
from tests.support.store import KEY
from tools.sandbox.sandbox import Sandbox

REGISTRIES = ("registry.npmjs.org:443", "pypi.org:443", "files.pythonhosted.org:443")

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
                {"compilerOptions": _TSCONFIG | {"outDir": "dist"}, "include": ["src"]}
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


class _Template(Author):
    """Writes the files of one stack; a part without any gets a note of its own."""

    def __init__(self, stack: StackName) -> None:
        super().__init__()
        parts = ("config", "source structure", "components", "pages", "hooks", "types")
        notes = {each: {f"notes/{each}.md": f"# {each}\n"} for each in (*parts, "utilities")}
        self.files = notes | {"readme": {"README.md": "# Made\n"}} | FILES[stack]


async def figures(stacks: list[StackName], folder: Path) -> dict[str, Any]:
    """How many were verified, and what was run for each."""
    env = environment(POLARIS_CONVEX_INTERNAL_KEY=KEY, CONVEX_ADMIN_KEY="admin")
    data = ["--dir", str(Path(__file__).parents[3] / "convex"), "--data", "data.sqlite"]
    found: dict[str, Any] = {}
    with running(["convex", *data], folder=folder, env=env) as convex:
        async with (
            Store(convex.ready["url"], internal_key=KEY) as store,
            Sandbox(scratch=folder, registries=REGISTRIES) as sandbox,
        ):
            site = Site(store, OwnerId("maker"), folder, sandbox)
            for stack in stacks:
                site.model = _Template(stack)
                async with site.worker() as engine:
                    generation = await site.made(engine, stack=stack.value)
                evidence = generation.verification
                assert evidence is not None
                found[stack.value] = {
                    "state": evidence.state,
                    "reason": evidence.reason,
                    "checks": [_told(check) for check in evidence.checks],
                }
    verified = sum(each["state"] == "verified" for each in found.values())
    return {"generate.templates_verified": verified, "of": len(found), "stacks": found}


def _told(check: Check) -> str:
    return f"{check.command}: {check.exit_code} after {check.took_s:.1f} s"


def main() -> None:
    """Print the figures."""
    stacks = [StackName(name) for name in sys.argv[1:]] or list(StackName)
    with tempfile.TemporaryDirectory() as folder:
        say(json.dumps(asyncio.run(figures(stacks, Path(folder)))))


if __name__ == "__main__":
    main()
