"""Projects from archives, and as archives."""
