"""Remove the name and the address of a former user from everything that is stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from compliance.domain.people.pseudonyms import Identity, address_of
from compliance.models import User
from compliance.models.bulk import fetch
from compliance.models.history import event_models

# Hashes cover the texts in these tables. To change them would break the proof that nothing else
# was changed, so that they are only searched.
_HASHED = ("compliance_fact", "compliance_tombstone")

_NO_TEXTS = ("django_migrations", "django_content_type", "auth_permission")


def identities_of(user: User) -> list[Identity]:
    """Return the current address and name of a user, and the former ones in the history."""
    history: Any = event_models()["user"]
    rows = history.objects.filter(pgh_obj_id=user.pk)
    found = {(user.email, user.get_full_name())}
    for email, first, last in rows.values_list("email", "first_name", "last_name").distinct():
        found.add((email, f"{first} {last}".strip()))
    return [Identity(email=email, name=name) for email, name in sorted(found)]


def replace_everywhere(user: User, identities: Sequence[Identity]) -> list[str]:
    """Replace names and addresses in all tables, and remove the mail files that contain them.

    The rows of append-only tables are changed as well, with their triggers switched off within
    this transaction, but none that a hash covers.

    Returns:
        Where they still occur, such as `compliance_fact.note of row 7`.
    """
    replacements = sorted({each for one in identities for each in one.replacements(user.pk)})
    remaining = []
    with connection.cursor() as cursor:
        cursor.execute(_IGNORE_PROTECTION)
        for table, column, kind, key in fetch(_COLUMNS, skipped=list(_NO_TEXTS)):
            names = {"table": _quoted(table), "column": _quoted(column), "key": _quoted(key)}
            for pattern, text in replacements:
                values = {"pattern": pattern, "text": text}
                if table in _HASHED:
                    cursor.execute(_FIND.format(**names), values)
                    remaining += [f"{table}.{column} of row {pk}" for (pk,) in cursor.fetchall()]
                else:
                    cursor.execute(_REPLACE.format(**names, kind=kind), values)
        cursor.execute(_EMPTY_NAMES, {"id": user.pk})
        cursor.execute("SELECT set_config('pgtrigger.ignore', '{}', true)")
    for each in identities:
        _remove_mail_files(each)
    return remaining


def cleaned(text: str, user: User, identities: Sequence[Identity]) -> str:
    """Return a text without the addresses and the names."""
    for identity in identities:
        text = re.sub(re.escape(identity.email), address_of(user.pk), text, flags=re.IGNORECASE)
        for _, replacement in identity.replacements(user.pk)[1:]:
            text = re.sub(re.escape(identity.name), replacement, text, flags=re.IGNORECASE)
    return text


def _remove_mail_files(identity: Identity) -> None:
    """Remove the emails to or about a person that were written to files instead of sent."""
    folder: Path = settings.VAR_DIR / "mail"
    wanted = identity.email.lower().encode()
    for path in folder.glob("*.eml") if folder.is_dir() else ():
        if wanted in path.read_bytes().lower():
            path.unlink(missing_ok=True)


def _quoted(name: Any) -> str:
    return '"' + str(name).replace('"', '""') + '"'


# Generated columns follow from others.
_COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, NULL), k.attname
    FROM pg_class AS c
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
    JOIN pg_attribute AS k ON k.attrelid = c.oid AND k.attnum = i.indkey[0]
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
      AND a.attgenerated = '' AND NOT c.relname = ANY(%(skipped)s)
      AND (format_type(a.atttypid, NULL) IN ('text', 'json', 'jsonb')
           OR format_type(a.atttypid, NULL) LIKE 'character varying%%'
           OR format_type(a.atttypid, NULL) IN ('text[]', 'json[]', 'jsonb[]'))
    ORDER BY c.relname, a.attnum
"""
# The text of a JSON value or array is changed as a whole: neither pattern matches its syntax.
_REPLACE = """
    UPDATE {table}
    SET {column} = regexp_replace({column}::text, %(pattern)s, %(text)s, 'gi')::{kind}
    WHERE {column}::text ~* %(pattern)s
"""
_FIND = "SELECT {key} FROM {table} WHERE {column}::text ~* %(pattern)s ORDER BY 1"
_EMPTY_NAMES = """
    UPDATE compliance_userevent SET first_name = '', last_name = '' WHERE pgh_obj_id = %(id)s
"""
_IGNORE_PROTECTION = """
    SELECT set_config('pgtrigger.ignore', array_agg(tgname)::text, true) FROM pg_trigger
    WHERE tgname ~ '^pgtrigger_(append_only|read_only|published_once|update_update|audit_secrets)'
       OR tgname ~ '^pgtrigger_ledger_check_append_only'
"""
