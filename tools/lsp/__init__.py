"""The tools that understand code through language servers, which a worker owns."""

from tools.lsp.diagnose import GET_DIAGNOSTICS
from tools.lsp.find_symbol import FIND_SYMBOL
from tools.lsp.navigate import GET_REFERENCES, GO_TO_DEFINITION, HOVER_TOOL
from tools.lsp.rename import RENAME_SYMBOL
from tools.tool import AnyTool

LSP_TOOLS: tuple[AnyTool, ...] = (
    FIND_SYMBOL,
    GET_REFERENCES,
    GO_TO_DEFINITION,
    GET_DIAGNOSTICS,
    HOVER_TOOL,
    RENAME_SYMBOL,
)
