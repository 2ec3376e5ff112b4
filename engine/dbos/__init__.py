"""Every import of DBOS: `host` uses its public API, the other files its private names.

`tests/engine/dbos/` holds each private name against the installed version. Statements elsewhere
get DBOS's tables from here, and read them by DBOS's names of columns.
"""
