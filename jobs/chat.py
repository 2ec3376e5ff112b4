"""What answering a message needs, given to the engine by the wiring."""

from dataclasses import dataclass

from agent.definition import Agent
from jobs.workspace import ProjectFolders
from store.gateway import Store


@dataclass(frozen=True)
class Chat:
    """The store that people see, the agent that answers, and the projects' files on this disk."""

    store: Store
    agent: Agent
    folders: ProjectFolders
