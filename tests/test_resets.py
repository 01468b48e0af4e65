"""The reset after a test that commits removes its rows, and notices what else it has changed."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission

from compliance.models import Agreement, Party, User
from tests.resets import Contents
from tests.samples import create_agreement

pytestmark = pytest.mark.django_db(transaction=True)


def test_added_rows_are_removed_and_others_are_kept() -> None:
    before = Contents.read()
    permissions = Permission.objects.count()
    create_agreement()
    User.objects.create_user("ana@example.org").groups.add(Group.objects.get(name="viewer"))
    Group.objects.create(name="Auditors")
    assert before.restore()
    assert not Agreement.objects.exists()
    assert not Party.objects.exists()
    assert not User.objects.exists()
    assert not Group.objects.filter(name="Auditors").exists()
    assert Permission.objects.count() == permissions
    assert Contents.read() == before


@pytest.mark.parametrize("change", ["update", "delete"])
def test_a_change_of_what_was_there_before_is_noticed(change: str) -> None:
    before = Contents.read()
    create_agreement()
    groups = Group.objects.filter(name="viewer")
    groups.update(name="reader") if change == "update" else groups.delete()
    assert not before.restore()
    # Django then empties all tables.
    assert Agreement.objects.exists()
