"""What routes do with several parts."""
