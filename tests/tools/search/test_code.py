from pathlib import Path

import pytest

from tests.tools.search.project import Project
from tools.place import Place
from tools.registry import Toolbox
from tools.search import SEARCH_TOOLS
from tools.workspace.memory import MemoryWorkspace

SOURCES: dict[str, str] = {
    "a.ts": """import { add } from './math';
export { x, y as z } from './q';
export * from './all';
export function foo(a: number) { return add(a) + bar.baz(1) + new Klass(2); }
export default function App() {}
const helper = async (x: number) => x * 2;
export const PI = 3;
export class C<T> extends B { m() { } static s = () => 1; #hidden() {} }
export interface Shape { area(): number }
export type Id = string;
export enum Color { Red }
const r = require('fs'); const d = await import('./dyn');
let { p, q: [w] } = obj;
const o = { meth() {}, arrow: () => 1, fn: function () {} };
""",
    "b.tsx": """export default function View() {
  const [n, setN] = useState(0);
  return <div onClick={() => setN(1)}><Foo a={n}/></div>;
}
""",
    "c.js": "const b = require('x'); module.exports = { b }; exports.c = 1; class K { f = () => 1}",
    "d.py": """import os, a.b as c
from .x import y
async def f(a): return g(a) + m.h(1)
class K(B):
    z: int = 1
    def meth(self): self.w = 1
a, b = 1, 2
""",
    "e.go": """package main
import ("fmt"; m "math")
const Pi = 3
var x, y = 1, 2
type S struct { a int }
func (s *S) Meth() { fmt.Println(s.a); foo() }
func foo() { z := 1; _ = z }
""",
    "f.rs": """use std::fmt; pub mod m;
pub struct S { a: i32 } enum E { A } trait T { fn t(&self); }
impl S { pub fn new() -> S { S::make(); foo(1); let x = y.z(); println!("a"); x } }
const C: i32 = 1;
""",
    "G.java": """package p; import java.util.List;
public class J extends K { private int f = 1; public J() {} void run() { foo(); new Baz(); } }
interface I { void m(); } enum E { A } record R(int a) {}
""",
    "h.html": (
        '<head><script src="x.js"></script></head><p class="wide" id="top"><my-el></my-el></p>'
    ),
    "i.css": '@import "x.css"; :root { --main: red; } .btn:hover { color: var(--main); } #id {} '
    "@keyframes spin { from {} }",
    "j.json": '{"name": "x", "deps": {"y": 1}}',
    "k.yaml": "on:\n  push: {a: 1}\n",
    "l.md": "# Title\n\nSub\n---\n\n```py\ndef not_here(): pass\n```\n",
}

NAMES: list[tuple[str, str, list[str]]] = [
    ("a.ts", "function", ["foo", "App", "helper", "m", "s", "#hidden", "meth", "arrow", "fn"]),
    ("a.ts", "class", ["C", "Shape", "Id", "Color"]),
    ("a.ts", "variable", ["helper", "PI", "r", "d", "p", "o"]),
    ("a.ts", "import", ["./math", "fs", "./dyn"]),
    (
        "a.ts",
        "export",
        ["x", "y as z", "./all", "foo", "App", "PI", "C", "Shape", "Id", "Color"],
    ),
    ("a.ts", "call", ["add", "baz", "Klass", "require"]),
    ("b.tsx", "function", ["View"]),
    ("b.tsx", "variable", ["n", "setN"]),
    ("b.tsx", "call", ["useState", "setN", "Foo"]),
    ("c.js", "export", ["module.exports", "exports.c"]),
    ("c.js", "class", ["K"]),
    ("c.js", "function", ["f"]),
    ("d.py", "function", ["f", "meth"]),
    ("d.py", "class", ["K"]),
    ("d.py", "variable", ["z", "self.w", "a", "b"]),
    ("d.py", "import", ["os, a.b as c", ".x"]),
    ("d.py", "call", ["g", "h"]),
    ("e.go", "function", ["Meth", "foo"]),
    ("e.go", "class", ["S"]),
    ("e.go", "variable", ["Pi", "x", "y", "z"]),
    ("e.go", "import", ["fmt", "math"]),
    ("e.go", "export", ["Pi", "S", "Meth"]),
    ("e.go", "call", ["Println", "foo"]),
    ("f.rs", "function", ["t", "new"]),
    ("f.rs", "class", ["S", "E", "T"]),
    ("f.rs", "variable", ["x", "C"]),
    ("f.rs", "import", ["std::fmt"]),
    ("f.rs", "export", ["m", "S", "new"]),
    ("f.rs", "call", ["make", "foo", "z", "println"]),
    ("G.java", "function", ["J", "run", "m"]),
    ("G.java", "class", ["J", "I", "E", "R"]),
    ("G.java", "variable", ["f"]),
    ("G.java", "import", ["java.util.List"]),
    ("G.java", "export", ["J", "J"]),
    ("G.java", "call", ["foo", "Baz"]),
    ("h.html", "class", ["wide"]),
    ("h.html", "variable", ["top"]),
    ("h.html", "import", ["x.js"]),
    ("h.html", "call", ["my-el"]),
    ("i.css", "class", ["btn"]),
    ("i.css", "variable", ["--main", "id"]),
    ("i.css", "function", ["spin"]),
    ("i.css", "import", ["x.css"]),
    ("i.css", "call", ["var"]),
    ("j.json", "variable", ["name", "deps", "y"]),
    ("k.yaml", "variable", ["on", "push", "a"]),
    ("l.md", "heading", ["Title", "Sub"]),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("code"), dict(SOURCES))


def names(text: str) -> list[str]:
    rows = [line for line in text.splitlines() if line.startswith("[")]
    return [line.partition("] ")[2].rpartition(" - ")[0] for line in rows]


@pytest.mark.parametrize(("file", "kind", "expected"), NAMES)
async def test_names_of_a_kind(project: Project, file: str, kind: str, expected: list[str]) -> None:
    text = await project.ok("searchCodebase", patternType=kind, filePattern=file)
    assert names(text) == expected
    assert text.startswith(f"Found {len(expected)} {kind}(s):\n[{kind}] {expected[0]} - {file}:")


async def test_a_part_of_a_name_is_enough(project: Project) -> None:
    assert await project.ok("searchCodebase", patternType="call", searchTerm="STATE") == (
        "Found 1 call(s):\n[call] useState - b.tsx:2\n    const [n, setN] = useState(0);"
    )
    text = await project.ok("searchCodebase", patternType="import", searchTerm="add")
    assert names(text) == ["./math"]


async def test_a_place_is_told_once_over_all_kinds(project: Project) -> None:
    text = await project.ok("searchCodebase", searchTerm="helper")
    assert text == (
        "Found 1 code pattern(s):\n[function] helper - a.ts:6\n"
        "    const helper = async (x: number) => x * 2;"
    )


async def test_a_term_with_characters_of_regular_expressions(project: Project) -> None:
    text = await project.ok("searchCodebase", patternType="variable", searchTerm="--m")
    assert names(text) == ["--main"]
    for term in ("(", "a.*", "[", "\\", "$&", "a b"):
        assert "No functions found matching" in await project.ok(
            "searchCodebase", patternType="function", searchTerm=term
        )


async def test_a_structure_in_code(project: Project) -> None:
    assert await project.ok("searchCodebase", pattern="useState($X)") == (
        "Found 1 match(es):\nb.tsx:2:21 - const [n, setN] = useState(0);"
    )
    text = await project.ok("searchCodebase", pattern="class $A($$$B): $$$C", filePattern="*.py")
    assert text.splitlines()[1:] == ["d.py:4:1 - class K(B):"]
    text = await project.ok("searchCodebase", pattern="nothing_like_it($A)")
    assert text == 'No code looks like "nothing_like_it($A)".'


async def test_what_is_no_code_is_explained(project: Project) -> None:
    text = await project.refused("searchCodebase", pattern="def f(", filePattern="*.{ts,py}")
    assert "is no code that stands alone" in text
    assert "- Python: " in text
    assert "- TypeScript: " in text
    text = await project.refused("searchCodebase", pattern="$$$", filePattern="*.py")
    assert "Standalone multi meta variable" in text


async def test_fifty_of_many_are_shown(tmp_path: Path) -> None:
    source = "".join(f"def f{number}(): pass\n" for number in range(80))
    project = Project(tmp_path, {"a.py": source})
    text = await project.ok("searchCodebase", patternType="function")
    assert text.startswith("Found 80 function(s) (showing first 50):\n[function] f0 - a.py:1\n")
    assert len(names(text)) == 50


async def test_ignored_and_generated_files_are_left_out(tmp_path: Path) -> None:
    project = Project(
        tmp_path,
        {
            ".gitignore": "made.py\n",
            "made.py": "def f(): pass\n",
            "node_modules/a/b.js": "function f() {}\n",
            ".git/c.py": "def f(): pass\n",
            "own.py": "def f(): pass\n",
        },
    )
    text = await project.ok("searchCodebase", patternType="function", searchTerm="f")
    assert names(text) == ["f"]
    assert "own.py:1" in text


async def test_without_a_disk_it_says_what_to_use() -> None:
    place = Place(MemoryWorkspace({"a.py": "def f(): pass\n"}))
    output = await Toolbox(SEARCH_TOOLS).run("searchCodebase", {}, place)
    assert output.is_error
    assert output.text == (
        "searchCodebase needs the project on disk, and it is not. Use searchFiles instead."
    )
