"""What happens to a person's account as a whole."""
