"""MCP servers that a project names: their tools, beside ours. The SDK is imported at first use."""
