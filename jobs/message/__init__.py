"""The job behind the chat panel."""
