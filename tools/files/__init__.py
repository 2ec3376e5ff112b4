"""The tools that read and change files."""

from tools.files.change import DELETE_FILE, RENAME_FILE
from tools.files.edit import EDIT_FILE
from tools.files.look import GET_PROJECT_STRUCTURE, LIST_FILES
from tools.files.read import READ_FILE
from tools.files.write import WRITE_FILE
from tools.tool import AnyTool

FILE_TOOLS: tuple[AnyTool, ...] = (
    READ_FILE,
    WRITE_FILE,
    EDIT_FILE,
    DELETE_FILE,
    RENAME_FILE,
    LIST_FILES,
    GET_PROJECT_STRUCTURE,
)
