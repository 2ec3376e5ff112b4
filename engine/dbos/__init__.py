"""Every import of DBOS: `host` uses its public API, the other files its private names.

`tests/engine/dbos/` holds each private name against the installed version. Statements elsewhere
join what `states` gives, by our names; `tests/repo/test_dbos_names.py` holds that.
"""
