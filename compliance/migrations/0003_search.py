"""Searches ignore case, accents and normalisation."""

from __future__ import annotations

from django.db import migrations

# NFKD separates letters from their accents, which are then removed; letters with a stroke and
# ligatures have no decomposition. Text in ASCII, nearly all of it, takes the short way.
_CREATE = r"""
CREATE FUNCTION compliance_folded(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN octet_length(value) = char_length(value) THEN lower(value)
    ELSE replace(replace(replace(replace(translate(
        lower(regexp_replace(normalize(value, NFKD),
            '[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u200b-\u200f\u00ad\u2060\ufeff]',
            '', 'g')),
        'øłđħıŧð’‘ʼʻ‐–—', 'oldhitd''''''''---'),
        'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th')
    END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0002_composite_keys")]

    operations = [migrations.RunSQL(_CREATE, "DROP FUNCTION compliance_folded(text)")]
