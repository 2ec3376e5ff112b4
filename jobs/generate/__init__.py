"""Whole projects from a description: eight steps of the agent, then evidence that it builds."""
