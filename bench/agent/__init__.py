"""What the agent's loop costs, how live it is, and whether what it sends is right."""
