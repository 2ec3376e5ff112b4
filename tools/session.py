"""What the tools of one run share."""

from dataclasses import dataclass, field

from tools.workspace import RelPath, Workspace


@dataclass(frozen=True)
class RunSession:
    """A `Session` for one run of the agent; `seen` starts empty and the tools fill it."""

    workspace: Workspace
    seen: dict[RelPath, str] = field(default_factory=dict[RelPath, str])
