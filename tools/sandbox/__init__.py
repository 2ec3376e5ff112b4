"""Where processes of a project run: apart from the host, bounded, and dead at the end."""
