"""Users, tokens, parties, subscriptions, evidence, histories, and the first page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.models import (
    Agreement,
    ApiToken,
    Deadline,
    Evidence,
    Party,
    Subscription,
    SweepRun,
    User,
)
from compliance.operations.deadlines import sweep
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import address, errors, filled_in
from tests.samples import agree, duty


def test_a_party_is_added_and_corrected(browser: Client) -> None:
    party = {"code": "CHN", "name": "China", "kind": "state", "country": "", "timezone": "UTC"}
    assert browser.post(address("party", "add"), party).status_code == 302
    stored = Party.objects.get()
    assert stored.country is None

    url = address("party", "change", stored.pk)
    browser.post(url, {**filled_in(browser, url), "code": "XXX", "timezone": "Asia/Shanghai"})

    stored.refresh_from_db()
    assert (stored.code, stored.timezone) == ("CHN", "Asia/Shanghai")


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"code": "chn"}, "code"),
        ({"code": "ACME"}, "code"),
        ({"kind": ""}, "kind"),
        ({"country": "China"}, "country"),
        ({"timezone": "Beijing"}, "timezone"),
        ({"name": "two\nlines"}, "name"),
    ],
)
def test_a_party_is_refused_on_its_field(
    browser: Client, values: dict[str, str], place: str
) -> None:
    agree()
    party = {"code": "USA", "name": "x", "kind": "state", "country": "US", "timezone": "UTC"}

    response = browser.post(address("party", "add"), {**party, **values})

    assert place in errors(response)
    assert Party.objects.count() == 2


def test_a_party_that_moves_moves_its_deadlines(browser: Client) -> None:
    deadline = agree()
    url = address("party", "change", Party.objects.get(code="CHN").pk)

    browser.post(url, {**filled_in(browser, url), "timezone": "UTC"})

    deadline.refresh_from_db()
    assert deadline.timezone == "UTC"


def test_a_subscription_is_added_once_and_switched_off(browser: Client) -> None:
    deadline = agree()
    follows = {"email": "ana@example.org", "agreement": deadline.agreement.ref, "is_active": "on"}
    assert browser.post(address("subscription", "add"), follows).status_code == 302
    stored = Subscription.objects.get()
    assert stored.agreement == deadline.agreement

    again = browser.post(address("subscription", "add"), follows)
    assert "follows this already" in " ".join(errors(again)["email"])

    url = address("subscription", "change", stored.pk)
    off = {name: value for name, value in follows.items() if name != "is_active"}
    assert browser.post(url, off).status_code == 302
    stored.refresh_from_db()
    assert not stored.is_active


def test_evidence_is_added_and_never_edited(browser: Client, geneva: Agreement) -> None:
    values = {
        "agreement": "geneva-2025",
        "ref": "E50",
        "title": "A record",
        "kind": "document",
        "stance": "context",
        "obligations": "CN-2d, CN-1",
        "asserted_by": "USA",
    }
    response = browser.post(address("evidence", "add"), values)
    assert response.status_code == 302, errors(response)
    stored = Evidence.objects.get(ref="E50")
    assert [each.ref for each in stored.obligations.order_by("ref")] == ["CN-1", "CN-2d"]

    assert browser.post(address("evidence", "change", stored.pk), values).status_code == 403
    wrong = browser.post(address("evidence", "add"), {**values, "ref": "E51", "obligations": "Z"})
    assert "Z" in " ".join(errors(wrong)["obligations"])


def test_a_token_is_shown_once_and_revoked(browser: Client) -> None:
    values = {"name": "dashboard", "user": "desk@example.org", "is_read_only": "on"}
    response = browser.post(address("apitoken", "add"), values)

    token = response.context["secret"].value
    assert token in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    stored = ApiToken.objects.get()
    assert stored.is_read_only
    api = Client(headers={"Authorization": f"Bearer {token}"})
    assert api.get("/api/v1/parties/").status_code == 200
    for page in ("changelist", "change"):
        args = [stored.pk] if page == "change" else []
        assert token not in browser.get(address("apitoken", page, *args)).content.decode()

    again = browser.post(address("apitoken", "add"), values)
    assert "already" in " ".join(errors(again)["name"])

    assert browser.get(address("apitoken", "revoke", stored.pk)).status_code == 200
    assert ApiToken.objects.exists()
    browser.post(address("apitoken", "revoke", stored.pk))
    assert not ApiToken.objects.exists()
    assert api.get("/api/v1/parties/").status_code == 401


def test_nobody_makes_a_token_for_somebody_with_more_rights(desk: User) -> None:
    clerk = logged_in(staff("clerk@example.org", "add_apitoken", "view_apitoken"))

    response = clerk.post(address("apitoken", "add"), {"name": "mine", "user": "desk@example.org"})

    assert "user" in errors(response)
    assert not ApiToken.objects.exists()
    clerk.post(address("apitoken", "add"), {"name": "mine", "user": "clerk@example.org"})
    assert ApiToken.objects.get().user.email == "clerk@example.org"


def test_who_edits_people_cannot_raise_anybodys_rights(desk: User) -> None:
    user = staff("clerk@example.org", "view_user", "change_user")
    clerk = logged_in(user)
    url = address("user", "change", user.pk)

    clerk.post(url, {"email": user.email, "is_active": "on", "is_superuser": "on"})
    user.refresh_from_db()
    assert not user.is_superuser
    assert user.is_staff

    assert clerk.post(address("user", "change", desk.pk), {"email": "x@y.z"}).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[desk.pk])
    assert clerk.post(password, {"password1": "aaa", "password2": "aaa"}).status_code == 403


def test_the_history_says_who_changed_what(browser: Client) -> None:
    deadline = agree()
    url = address("agreement", "change", deadline.agreement_id)
    values = {**filled_in(browser, url), "title": "Renamed", "obligations-0-severity": "critical"}
    assert browser.post(url, values).status_code == 302

    page = browser.get(address("agreement", "history", deadline.agreement_id)).content.decode()
    for part in ("desk@example.org", "Agreement supply", "Renamed", "no user", "party CHN"):
        assert part in page, part
    page = browser.get(address("obligation", "history", deadline.obligation_id)).content.decode()
    for part in ("desk@example.org", "normal", "critical", "obligor CHN"):
        assert part in page, part


def test_the_first_page_shows_the_worst_first_and_what_comes(browser: Client) -> None:
    now = timezone.now()
    day = timedelta(days=1)
    agree(
        duty(ref="old", due_on=str((now - 90 * day).date())),
        duty(ref="grave", due_on=str((now - 9 * day).date()), severity="critical"),
        duty(ref="soon", due_on=str((now + 9 * day).date())),
        duty(ref="far", due_on=str((now + 90 * day).date())),
        as_of=now,
    )
    context = browser.get(reverse("admin:index")).context

    assert [line["title"] for line in context["unmet"]] == ["Deliver lot grave", "Deliver lot old"]
    assert [line["title"] for line in context["coming"]] == ["Deliver lot soon"]


def test_the_first_page_says_whether_the_sweep_is_alive(browser: Client) -> None:
    assert "has a sweep run" in browser.get(reverse("admin:index")).content.decode()
    sweep.run(as_of=timezone.now())
    assert browser.get(reverse("admin:index")).context["sweep_is_alive"]
    SweepRun.objects.update(ended_at=timezone.now() - timedelta(hours=2))

    page = browser.get(reverse("admin:index"))

    assert not page.context["sweep_is_alive"]
    assert "nothing is being flagged" in page.content.decode()


def test_an_obligation_leads_to_its_row_and_its_deadlines(
    browser: Client, rare_earths: Deadline
) -> None:
    correct = browser.get(address("obligation", "correct", rare_earths.obligation_id))
    assert correct["Location"].startswith(address("agreement", "change", rare_earths.agreement_id))
    listing = browser.get(
        address("obligation", "deadlines", rare_earths.obligation_id), follow=True
    )
    assert [row.pk for row in listing.context["cl"].result_list] == [rare_earths.pk]
