"""The scenes of the demo, in their order. A new one is a module here and a line in `SCENES`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.demo.scenes import cancel, change, generate, github, kill, long, mend
from app.demo.stage import Stage


@dataclass(frozen=True)
class Scene:
    """`play` shows one thing, puts its figures into `stage.figures`, or raises DemoFailed."""

    title: str
    play: Callable[[Stage], Awaitable[None]]


SCENES = (
    Scene("A message becomes edited files", change.play),
    Scene("An edit's type error is seen and mended, and the tests run", mend.play),
    Scene("An answer is cancelled in the middle", cancel.play),
    Scene("A long task: condensed on the way, steered, and allowed to write", long.play),
    Scene("kill -9 in the middle of an answer", kill.play),
    Scene("A repository comes from GitHub, is changed, and goes back", github.play),
    Scene("A sentence becomes a project, which is built and tested", generate.play),
)
