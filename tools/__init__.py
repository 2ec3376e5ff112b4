"""What the agent can do to a project, over a `Workspace` that it cannot leave."""
