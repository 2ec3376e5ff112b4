"""Projects from GitHub, and to GitHub."""
