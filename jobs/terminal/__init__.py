"""What a terminal of a person changes in a project, and what others change meanwhile."""
