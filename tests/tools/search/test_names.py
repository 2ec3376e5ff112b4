"""What a file's own name is worth when files are ranked, and how tests go with their subjects."""

from collections.abc import Mapping

import pytest

from tools.search.relevance.facts import facts_of
from tools.search.relevance.index import Index
from tools.search.relevance.names import is_test, name_of, own_words, subject_of


def index_of(files: Mapping[str, str]) -> Index:
    index = Index()
    for path, text in files.items():
        index.put(path, facts_of(path, text.encode()))
    return index


def ranked(index: Index, query: str, limit: int = 3) -> list[str]:
    return [it.path for it in index.rank(query, limit=limit)]


@pytest.mark.parametrize(
    ("path", "name", "subject", "tests"),
    [
        ("src/tool_manager.py", "tool_manager", "toolmanager", False),
        ("src/agent/__init__.py", "agent", "agent", False),
        ("web/cart/index.tsx", "cart", "cart", False),
        ("tests/test_agent.py", "test_agent", "agent", True),
        ("src/_agent_graph.py", "_agent_graph", "agentgraph", False),
        ("web/cart/total.test.ts", "total", "total", True),
        ("pkg/server_test.go", "server_test", "server", True),
        ("web/__tests__/form.tsx", "form", "form", True),
        ("src/latest.py", "latest", "latest", False),
        ("index.js", "index", "index", False),
    ],
)
def test_a_path_says_what_a_file_is_about(path: str, name: str, subject: str, tests: bool) -> None:
    assert (name_of(path), subject_of(path), is_test(path)) == (name, subject, tests)


def test_words_of_a_name_are_its_parts_and_all_of_it() -> None:
    assert own_words("tests/test_tool_manager.py") > {"tool", "manag"}
    assert "test" not in own_words("tests/test_tool_manager.py")
    assert own_words("src/app.py") == {"app"}


def test_a_file_whose_whole_name_is_asked_for_comes_first() -> None:
    index = index_of(
        {
            "src/usage.py": "usage = 1\n" + "one = 1\n" * 3,
            "src/limits_of_usage_by_provider.py": "usage = 1\n",
            "src/other.py": "def nothing(): ...\n",
        }
    )
    assert ranked(index, "usage")[0] == "src/usage.py"


def test_tests_go_with_what_they_test() -> None:
    files = {
        "src/zipper.py": "def write_header(): ...\n" * 3,
        "tests/test_zipper.py": "header = 1\n",
        "tests/test_server.py": "header = 1\n",
        "src/server.py": "def serve(): ...\n",
    }
    index = index_of(files)
    found = {it.path: it for it in index.rank("write_header", limit=4)}
    assert list(found)[:2] == ["src/zipper.py", "tests/test_zipper.py"]
    assert "Tests src/zipper.py" in found["tests/test_zipper.py"].reasons
    assert "src/server.py" not in found


def test_a_file_that_is_gone_tests_nothing() -> None:
    index = index_of({"src/a.py": "one\n", "tests/test_a.py": "one\n"})
    index.drop("tests/test_a.py")
    assert ranked(index, "one") == ["src/a.py"]
