"""Labels and headings of the admin read as people would write them."""

from __future__ import annotations

from django.contrib import admin
from django.core.management import call_command
from django.test import Client

from compliance.models import ApiToken, AuditEntry, Party, User
from tests.admin.pages import address


def test_fields_are_labelled_in_plain_english() -> None:
    labels = {
        str(field.verbose_name) for model in admin.site._registry for field in model._meta.fields
    }
    assert str(Party._meta.get_field("timezone").verbose_name) == "time zone"
    assert str(ApiToken._meta.get_field("is_read_only").verbose_name) == "read only"
    assert str(AuditEntry._meta.get_field("request_id").verbose_name) == "request ID"
    assert not [each for each in labels if each.startswith("is ") or "_" in each]


def test_labels_need_no_migration(db: None) -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_the_path_above_a_page_keeps_the_spelling_of_names(admin_client: Client) -> None:
    user = User.objects.get()
    shown = admin_client.get(address("user", "change", user.pk)).content.decode()
    assert user.email.capitalize() not in shown
