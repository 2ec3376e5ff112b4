"""The tools by which an agent keeps a plan that people see."""

from tools.planning.todo import TODO
from tools.tool import AnyTool

PLANNING_TOOLS: tuple[AnyTool, ...] = (TODO,)
