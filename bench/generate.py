"""`make bench SUITE=generate`: projects whose making is killed forty times, and the five stacks.

The last line is one JSON object:

- `generate.resume_after_kill.*`: `kills` of the product while it makes one project; what
  `bench.generate_story.compared` counts, which is 0 all over where nothing was lost or done twice.
- `generate.templates_verified`: of five stacks, how many were made by a scripted model and then
  installed, type-checked, built and tested in the sandbox. It needs package registries:
  `POLARIS_PACKAGE_REGISTRIES`, as of the product; without it, it is left out.

`python -m bench.generate kills|templates` measures one of them; `SEED=text` plays a story again.
"""

import asyncio
import random
import secrets
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from app.demo.client import Api
from app.demo.server import Child
from app.settings import own_environment
from bench.figures import say, say_figures, say_machine
from bench.generate_kills import Status, killed_at, moments
from bench.generate_story import DESCRIPTION, Made, compared, rules
from bench.generate_templates import templates
from bench.product import scripted, start_dev
from llm.scripted.process import ScriptedModel
from llm.scripted.scenario import Scenario

CHARS_PER_S = 700.0  # a part takes a second or two


async def main() -> None:
    """Run what the arguments name, or everything."""
    wanted = set(sys.argv[1:]) & {"kills", "templates"} or {"kills", "templates"}
    say_machine()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as temporary:
        if "kills" in wanted:
            figures |= await kills(Path(temporary) / "kills")
        if "templates" in wanted:
            figures |= await templates(Path(temporary) / "templates")
    say_figures(figures)


async def kills(folder: Path) -> dict[str, float]:
    """One project, made while the product is killed at forty moments."""
    seed = own_environment().get("SEED") or secrets.token_hex(4)
    say(f"one project of eight parts, killed at {len(moments())} moments (SEED={seed})")
    scenario = Scenario(name="generate bench", rules=rules(chars_per_s=CHARS_PER_S))
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(scripted(scenario, folder))
        child = await start_dev(model, folder)
        api = Api(child.ready["api"], child.ready["token"])
        product = _Product(model, folder, child, api)
        stack.push_async_callback(product.stop)
        await stack.enter_async_context(api)
        product.project_id = await api.generate(DESCRIPTION)
        chance = random.Random(seed)  # noqa: S311 - moments, no secret
        count, status = await killed_at(product, moments(), chance=chance, say=say)
        messages = await api.messages(status["conversationId"])
        whole = [await api.message(each["messageId"]) for each in messages]
        wrong = compared(Made(status, await api.read_files(product.project_id), whole))
    say(f"  {count} kills; {', '.join(f'{name}: {found}' for name, found in wrong.items())}")
    counted = {"kills": count} | wrong
    return {f"generate.resume_after_kill.{name}": found for name, found in counted.items()}


@dataclass
class _Product:
    """`polaris dev` that makes one project, and is killed: see `Mortal`."""

    model: ScriptedModel
    folder: Path
    child: Child
    api: Api
    project_id: str = ""

    async def status(self) -> Status:
        return await self.api.generation(self.project_id)

    async def restart(self) -> None:
        await self.child.kill()
        ready = self.child.ready
        ports = [str(ready[name]).rpartition(":")[2] for name in ("api", "convex")]
        options = ["--port", ports[0], "--convex-port", ports[1]]
        self.child = await start_dev(self.model, self.folder, options=options)

    async def stop(self) -> None:
        await self.child.stop()


if __name__ == "__main__":
    asyncio.run(main())
