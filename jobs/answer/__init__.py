"""What every job shares that runs an agent: its right to write, its transcript, its stream."""
