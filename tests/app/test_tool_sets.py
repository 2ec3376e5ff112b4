"""The two sets of tools that a project can choose from."""

from collections.abc import Iterable

from agent.sizes import CHARS_PER_TOKEN
from app.tools import AGENT_TOOLS, ID_TOOLS
from tools.files import FILE_TOOLS
from tools.files.by_id import ID_FILE_TOOLS
from tools.registry import Toolbox
from tools.tool import AnyTool

MOST_TOKENS = 4_500


def names(tools: Iterable[AnyTool]) -> list[str]:
    return [tool.name for tool in tools]


def test_both_have_the_same_tools_but_for_files_and_pages() -> None:
    by_path, by_id = names(AGENT_TOOLS), names(ID_TOOLS)
    assert len(set(by_path)) == len(by_path)
    assert len(set(by_id)) == len(by_id)
    assert by_id[: len(ID_FILE_TOOLS) + 1] == [*names(ID_FILE_TOOLS), "undo"]
    assert by_id[-1] == "scrapeUrls"
    assert by_path[len(FILE_TOOLS) : -1] == by_id[len(ID_FILE_TOOLS) + 1 : -1]


def test_neither_costs_more_of_a_prompt_than_it_may() -> None:
    for tools in (AGENT_TOOLS, ID_TOOLS):
        size = sum(tool.size_chars for tool in Toolbox(tools).descriptions)
        assert size / CHARS_PER_TOKEN <= MOST_TOKENS
