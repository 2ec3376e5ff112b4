"""The file tools of an earlier Polaris, which name files by ids: a second list to choose from.

An id is the path of the file. So it says where the file is, needs no store, and what a tool touches
is known before it runs; but it is another one once the file was renamed, and that is said.
"""

from tools.files.by_id.changing import (
    CREATE_FILES,
    CREATE_FOLDER_BY_ID,
    DELETE_FILES,
    RENAME_FILE_BY_ID,
    UPDATE_FILE,
)
from tools.files.by_id.looking import LIST_FILES_BY_ID, READ_FILES
from tools.tool import AnyTool

ID_FILE_TOOLS: tuple[AnyTool, ...] = (
    LIST_FILES_BY_ID,
    READ_FILES,
    UPDATE_FILE,
    CREATE_FILES,
    CREATE_FOLDER_BY_ID,
    RENAME_FILE_BY_ID,
    DELETE_FILES,
)
"""Instead of `FILE_TOOLS`, never beside them: some have the same names."""
