"""Pages of the public web, for the agent to read."""

from tools.fetch.fetch_url import FETCH_URL
from tools.fetch.scrape_urls import SCRAPE_URLS
from tools.tool import AnyTool

FETCH_TOOLS: tuple[AnyTool, ...] = (FETCH_URL,)

OLD_FETCH_TOOLS: tuple[AnyTool, ...] = (SCRAPE_URLS,)
"""As an earlier Polaris had them: instead of `FETCH_TOOLS`, beside its file tools."""
