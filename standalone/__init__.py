"""Runs all of Pacta on one machine: `manage.py up`.

It starts the embedded PostgreSQL and Valkey where DATABASE_URL and REDIS_URL are unset, prepares
the database, and keeps the web process, the workers and beat running. Production needs none of it:
there, an init system or containers run the same processes. The service (`compliance`) and its
settings (`config`) never import this package; an import contract enforces that.
"""
