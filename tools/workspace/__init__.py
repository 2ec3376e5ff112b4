"""A project's files: the port, its adapters on disk and in memory, and which paths there are."""
