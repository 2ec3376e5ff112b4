"""A person's account as a whole: what is known of it, its export, its deletion."""
