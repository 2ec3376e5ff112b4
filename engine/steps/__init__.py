"""What a run is made of: steps, waits, places, and their record."""
