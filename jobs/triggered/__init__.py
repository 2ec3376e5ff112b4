"""Tasks that clients trigger from outside: now, later, or again and again."""
