"""The tools that search a project."""

from tools.search.code import SEARCH_CODEBASE
from tools.search.find import FIND_FILES_BY_PATTERN
from tools.search.relevant import GET_RELEVANT_FILES
from tools.search.text import SEARCH_FILES
from tools.tool import AnyTool

SEARCH_TOOLS: tuple[AnyTool, ...] = (
    SEARCH_FILES,
    FIND_FILES_BY_PATTERN,
    SEARCH_CODEBASE,
    GET_RELEVANT_FILES,
)
