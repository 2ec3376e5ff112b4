"""The tools that read and change files."""

from tools.files.change import CREATE_FOLDER, DELETE_FILE, RENAME_FILE
from tools.files.edit import EDIT_FILE
from tools.files.look import LIST_FILES
from tools.files.multi_edit import MULTI_EDIT
from tools.files.patch.tool import APPLY_PATCH
from tools.files.read import READ_FILE
from tools.files.structure import GET_PROJECT_STRUCTURE
from tools.files.undo import UNDO
from tools.files.write import WRITE_FILE
from tools.tool import AnyTool

FILE_TOOLS: tuple[AnyTool, ...] = (
    READ_FILE,
    WRITE_FILE,
    EDIT_FILE,
    MULTI_EDIT,
    APPLY_PATCH,
    DELETE_FILE,
    RENAME_FILE,
    CREATE_FOLDER,
    UNDO,
    LIST_FILES,
    GET_PROJECT_STRUCTURE,
)
