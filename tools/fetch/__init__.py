"""Pages of the public web, for the agent to read."""

from tools.fetch.fetch_url import FETCH_URL
from tools.tool import AnyTool

FETCH_TOOLS: tuple[AnyTool, ...] = (FETCH_URL,)
