"""What an engine does for its callers, a part for each subject.

A part that keeps nothing is a frozen dataclass of what it works with. `compose` puts the parts
together, `start` starts them, and `Engine` hands its calls on to them.
"""
