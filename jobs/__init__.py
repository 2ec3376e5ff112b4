"""What happens durably after a request: typed events, job bodies, bridges to the agent's ports."""
