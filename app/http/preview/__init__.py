"""Previews: an origin of its own that shows what runs in a project's sandbox."""
