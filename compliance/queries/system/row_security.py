"""Whether row-level security applies to requests, which depends on the role that connects."""

from __future__ import annotations

from typing import Any

import psycopg
from django.apps import apps

from compliance.models.people.readers import NOBODY
from compliance.models.visibility import PATHS_TO_AGREEMENT
from config.postgresql.base import bypasses_policies, statement_for

_WHAT_TO_DO = "See the roles of the database in docs/operating.md."
_ADVICE_ON_ROLE = (
    "The role of DATABASE_URL bypasses row-level security and cannot switch to the role "
    "pacta_reader. Run ALTER ROLE … NOBYPASSRLS, or connect as the owner of the tables."
)
# The last column is NULL for tables that do not exist.
_UNSECURED = """
SELECT name FROM unnest(%s::text[]) AS name
WHERE coalesce(row_security_active(to_regclass(name)::oid), FALSE) IS FALSE ORDER BY name
"""


def fault(server: psycopg.Connection[tuple[Any, ...]]) -> str | None:
    """Return what is wrong with row-level security and what to do, or None.

    Args:
        server: a connection outside of a transaction, as the role of the service.

    Raises:
        psycopg.Error: the database does not answer.
    """
    statement = statement_for(NOBODY, bypasses_policies=bypasses_policies(server))
    try:
        # As a request of somebody who is not signed in reads.
        with server.transaction():
            if statement is not None:
                server.execute(statement.encode())
            found = server.execute(_UNSECURED, [_tables()]).fetchall()
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue):
        return f"{_ADVICE_ON_ROLE} {_WHAT_TO_DO}"
    if not found:
        return None
    names = ", ".join(name for (name,) in found[:3])
    return (
        f"Row-level security is not active for {len(found)} tables ({names}): what readers may "
        f"not see is hidden by the application alone. Run manage.py migrate. {_WHAT_TO_DO}"
    )


def _tables() -> list[str]:
    models = apps.get_app_config("compliance").get_models(include_auto_created=True)
    return [each._meta.db_table for each in models if each.__name__ in PATHS_TO_AGREEMENT]
