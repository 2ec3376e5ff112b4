"""The whole product for a front end: a scripted model, a GitHub of our own, the official client."""

import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bench.viewers import Viewers
from tests.contracts.front_ends.page import Page
from tests.support.api_client import api_at
from tests.support.github import File, github_stand_in
from tests.support.product import disposable, environment

TOKEN = "ghp_0123456789abcdefFRONTENDS0123456789"  # noqa: S105 - of nobody
SLOW = {"text": "All work and no play. ", "repeat": 400, "pace": {"chars_per_s": 2000}}
SCENARIO = {
    "rules": [{"when": {"user_contains": "slowly"}, "reply": SLOW}],
    "otherwise": {"text": "Done as you asked."},
}


@asynccontextmanager
async def page_of(front_end: str, folder: Path) -> AsyncGenerator[Page]:
    """A page of front end `a` or `j`, with what stands behind it."""
    async with AsyncExitStack() as stack:
        github = stack.enter_context(github_stand_in(folder / "github"))
        github.users[TOKEN] = "octo"
        github.repositories.make("octo/read")
        github.repositories.commit("octo/read", [File(b"README.md", b"# Read\n")])
        scenario = folder / "scenario.json"
        scenario.write_text(json.dumps(SCENARIO))
        command = ["model-server", "--scenario", str(scenario)]
        model = stack.enter_context(disposable(command, folder=folder / "model", env=environment()))
        env = environment(
            POLARIS_PORT="0",
            POLARIS_DATA_DIR="data",
            POLARIS_GRACE_S="1",
            POLARIS_FRONT_END=front_end,
            ANTHROPIC_API_KEY="sk-ant-scripted-0000",
            ANTHROPIC_BASE_URL=model.ready["url"],
            GITHUB_TOKEN=TOKEN,
            GITHUB_SERVER_URL=github.url,
            GITHUB_API_URL=github.api_url,
        )
        product = stack.enter_context(disposable(["dev"], folder=folder / "dev", env=env))
        viewers = await stack.enter_async_context(Viewers())
        token = product.ready["token"]
        client = viewers.open(product.ready["convex"], token=token)
        api = await stack.enter_async_context(api_at(product.ready["api"], "local", token))
        yield Page(api, viewers, client, f"{github.url}/octo/read")
