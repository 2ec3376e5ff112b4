"""Everything that touches DBOS: its public API in `host`, its private names in `private`."""
