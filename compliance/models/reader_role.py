"""The role under which readers other than the system read, if Pacta connects as a superuser.

Superusers bypass row-level security. Roles belong to the whole server and are not part of a backup
of the database, so that the role is ensured after each migration and at each start.
"""

from __future__ import annotations

from django.db import connection

# Nobody can connect as this role, and it has no rights but to read and write rows.
_ENSURE = """
DO $$
DECLARE here regnamespace = current_schema()::regnamespace;
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN RETURN; END IF;
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pacta_reader') THEN
            CREATE ROLE pacta_reader NOLOGIN;
        END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- by another process
    END;
    IF EXISTS (
        SELECT FROM pg_class
        WHERE relnamespace = here AND relkind IN ('r', 'p')
          AND NOT has_table_privilege('pacta_reader', oid, 'DELETE'))
    THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %s TO pacta_reader', here);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %s '
            'TO pacta_reader', here);
        EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %s TO pacta_reader', here);
    END IF;
END $$
"""


def ensure_reader_role() -> None:
    """Create the role and grant it the rights on all tables, if Pacta connects as a superuser."""
    with connection.cursor() as cursor:
        cursor.execute(_ENSURE)
