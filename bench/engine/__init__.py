"""Figures of the durable engine on SQLite and PostgreSQL, with plain DBOS as the floor."""
