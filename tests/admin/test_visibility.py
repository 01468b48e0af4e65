"""What a user may not see does not exist in the admin: pages, lists, choices, counts, searches."""

from __future__ import annotations

import re
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.models import (
    Agreement,
    CalendarFeed,
    Deadline,
    Fact,
    Membership,
    Proposal,
    Subscription,
    Tombstone,
    User,
    Webhook,
)
from compliance.models import Team as TeamModel
from compliance.models.visibility import PATHS_TO_AGREEMENT
from compliance.operations.deadlines import sweep
from compliance.operations.integrity import purges
from tests.admin.conftest import logged_in
from tests.admin.pages import address, agreement_form
from tests.admin.test_every_page import MODELS, fill, names
from tests.reserved_agreement import disable_predicates, disable_row_security
from tests.samples import create_agreement, obligation, record

SECRET = "zebra"
NOWHERE = 987654321


# Each barrier alone must do, too.
one_barrier = pytest.mark.parametrize(
    "barriers",
    [
        "both",
        pytest.param("the predicates", marks=pytest.mark.exhaustive),
        pytest.param("row-level security", marks=pytest.mark.exhaustive),
    ],
    indirect=True,
)


@pytest.fixture
def barriers(request: pytest.FixtureRequest, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What hides foreign rows."""
    if request.param == "the predicates":
        disable_row_security()
    if request.param == "row-level security":
        disable_predicates(monkeypatch)


def analyst(email: str, team: TeamModel) -> Client:
    """Return a client of an analyst in a team."""
    user = User.objects.create_user(email, is_staff=True)
    user.groups.add(Group.objects.get(name="analyst"))
    Membership.objects.create(user=user, team=team)
    return logged_in(user)


@pytest.fixture
def asia(db: None) -> TeamModel:
    return TeamModel.objects.create(slug="asia", name="Asia")


@pytest.fixture
def member(asia: TeamModel) -> Client:
    """An analyst in the team that sees the agreement."""
    return analyst("ana@example.org", asia)


@pytest.fixture
def stranger(db: None) -> Client:
    """An analyst in another team."""
    return analyst("lee@example.org", TeamModel.objects.create(slug="africa", name="Africa"))


@pytest.fixture
def secret(desk: User, asia: TeamModel) -> Agreement:
    """An agreement of a team, with rows of every kind, next to one that everyone sees."""
    fill("open", 1)
    agreement = fill(SECRET, 1)
    Proposal.objects.create(
        agreement=agreement,
        deadline=agreement.deadlines.get(),
        kind="waiver",
        draft={"type": "waiver", "on": "2026-04-01", "note": SECRET},
        proposed_at=timezone.now(),
        proposed_by=desk,
    )
    restrict(agreement, asia)
    return agreement


def restrict(agreement: Agreement, team: TeamModel) -> None:
    agreement.visibility = "teams"
    agreement.save()
    agreement.team_links.create(team=team)


def text(response: Any) -> str:
    """Return the content of a page without its tokens."""
    found = response.content.decode()
    return re.sub(r'(csrf[^"]*" value|nonce)="[^"]*"', "", found)


def rows_of(model: Any, agreement: Agreement) -> list[int]:
    """Return the ids of the rows of a model that belong to an agreement."""
    path = PATHS_TO_AGREEMENT[model.__name__][-1]
    return list(model._base_manager.filter(**{path: agreement.pk}).values_list("pk", flat=True))


OF_AGREEMENTS = [model for model in MODELS if model.__name__ in PATHS_TO_AGREEMENT]
A_FEW = [model for model in OF_AGREEMENTS if model in (Agreement, Deadline, Fact, Subscription)]


@pytest.mark.parametrize(
    "models",
    [
        pytest.param(A_FEW, id="a few"),
        pytest.param(OF_AGREEMENTS, id="all", marks=pytest.mark.exhaustive),
    ],
)
@one_barrier
@pytest.mark.usefixtures("barriers")
def test_rows_of_a_hidden_agreement_are_like_rows_that_do_not_exist(
    member: Client, stranger: Client, secret: Agreement, models: list[Any]
) -> None:
    now = timezone.now()
    for model in models:
        name = names(model)
        # Subscriptions belong to their owners, whatever they are about.
        is_shared = model is not Subscription
        listed = text(member.get(reverse(f"{name}_changelist")))
        hidden = text(stranger.get(reverse(f"{name}_changelist")))
        found = text(stranger.get(reverse(f"{name}_changelist"), {"q": SECRET}))
        assert SECRET not in hidden, name
        assert SECRET not in re.sub(rf'value="{SECRET}"|q(=|%3D){SECRET}', "", found), name
        ids = rows_of(model, secret)
        assert ids or model is CalendarFeed, name
        for pk in ids[:1]:
            if is_shared and model is not CalendarFeed:
                assert listed != hidden, name
            for page in ("change", "history", "delete"):
                # The overview, to which they redirect, shows the age of the last sweep.
                with time_machine.travel(now, tick=False):
                    foreign = stranger.get(reverse(f"{name}_{page}", args=[pk]), follow=True)
                    missing = stranger.get(reverse(f"{name}_{page}", args=[NOWHERE]), follow=True)
                assert foreign.status_code == missing.status_code, (name, page)
                assert text(foreign).replace(f"“{pk}”", "") == text(missing).replace(
                    f"“{NOWHERE}”", ""
                ), (name, page)
            if is_shared:
                assert member.get(reverse(f"{name}_change", args=[pk])).status_code == 200, name


@one_barrier
@pytest.mark.usefixtures("barriers")
def test_buttons_of_a_hidden_deadline_answer_as_if_it_did_not_exist(
    member: Client, stranger: Client, secret: Agreement
) -> None:
    deadline = secret.deadlines.get()
    shown = {}
    for button in ("record_performance", "record_violation", "acknowledge", "silence"):
        for client in (member, stranger):
            for method in (client.get, client.post):
                found = [
                    method(address("deadline", button, pk)).status_code
                    for pk in (deadline.pk, NOWHERE)
                ]
                shown[client, button] = found[0]
                if client is stranger:
                    assert found[0] == found[1], button
                    assert found[0] in {403, 404}, button
    assert shown[member, "record_performance"] == 200
    for button in ("change_in_agreement", "deadlines"):
        url = address("obligation", button, deadline.obligation_id)
        assert stranger.get(url).status_code in {403, 404}
        assert member.get(url).status_code in {302, 403}


@one_barrier
@pytest.mark.usefixtures("barriers")
def test_the_overview_counts_only_what_the_user_sees(
    member: Client, stranger: Client, asia: TeamModel
) -> None:
    create_agreement(obligation(responsible=["team:asia"]))
    sweep.run(as_of=timezone.now())
    before = {client: numbers(client) for client in (member, stranger)}
    assert before[member] == {"unmet now": "1", "for you or your teams": "1"}
    assert before[stranger] == {"unmet now": "1"}
    secret = create_agreement(obligation(responsible=["team:asia"]), ref=SECRET).agreement
    sweep.run(as_of=timezone.now())
    restrict(secret, asia)
    assert numbers(member) == {"unmet now": "2", "for you or your teams": "2"}
    assert numbers(stranger) == before[stranger]
    page = member.get(reverse("admin:index"))
    mine = page.context["mine_tile"]["url"]
    assert member.get(mine).context["cl"].result_count == 2
    assert stranger.get(mine).context["cl"].result_count == 0
    filtered = address("obligation", "changelist")
    assert member.get(filtered, {"responsible": "me"}).context["cl"].result_count == 2
    assert stranger.get(filtered, {"responsible": "team:asia"}).context["cl"].result_count == 1


def numbers(client: Client) -> dict[str, str]:
    """Return the numbers on the overview that depend on agreements, by label."""
    page = client.get(reverse("admin:index")).content.decode()
    found = re.findall(r"<strong>([^<]*)</strong><span>([^<]*)</span>", page)
    return {label: number for number, label in found if label.startswith(("unmet now", "for you"))}


@one_barrier
@pytest.mark.usefixtures("barriers")
def test_choices_autocompletions_and_filters_offer_only_what_the_user_sees(
    member: Client, stranger: Client, secret: Agreement
) -> None:
    pages = [
        *(address(each, "add") for each in ("silence", "evidence", "subscription", "calendarfeed")),
        *(address(each, "changelist") for each in ("deadline", "obligation", "proposal")),
    ]
    for page in pages:
        assert SECRET not in text(stranger.get(page)), page
        assert SECRET in text(member.get(page)) or "changelist" in page, page
    asked = {"app_label": "compliance", "model_name": "silence", "field_name": "deadline"}
    url = reverse("admin:autocomplete")
    assert len(member.get(url, {**asked, "term": "lot"}).json()["results"]) == 2
    assert len(stranger.get(url, {**asked, "term": "lot"}).json()["results"]) == 1
    initial = stranger.get(address("silence", "add"), {"deadline": secret.deadlines.get().pk})
    assert SECRET not in text(initial)


@pytest.mark.parametrize("page", ["silence", "evidence", "subscription", "calendarfeed"])
@one_barrier
@pytest.mark.usefixtures("barriers")
def test_a_hidden_agreement_is_refused_like_one_that_does_not_exist(
    stranger: Client, secret: Agreement, page: str
) -> None:
    values = {
        "ref": "E-1", "title": "x", "kind": "document", "stance": "for", "name": "x",
        "email": "lee@example.org", "until_on": "2099-01-01", "reason": "x", "timezone": "UTC",
    }  # fmt: skip
    found = []
    for ref in (SECRET, "nothing"):
        response = stranger.post(address(page, "add"), {**values, "agreement": ref})
        assert response.status_code == 200
        found.append(text(response).replace(ref, "REF"))
    assert found[0] == found[1]
    assert "Select a valid choice" in found[0]


def test_subscriptions_webhooks_and_feeds_of_others_do_not_exist(
    member: Client, stranger: Client, browser: Client, desk: User
) -> None:
    ana = User.objects.get(email="ana@example.org")
    now = timezone.now()
    rows = [
        Subscription.objects.create(email=ana.email, owner=ana, tag="zebras"),
        Webhook.objects.create(name="zebras", url="https://x.example", owner=ana, created_at=now),
        CalendarFeed.objects.create(name="zebras", owner=ana, token_hash=b"x", created_at=now),
    ]
    for row in rows:
        name = names(type(row))
        assert "zebras" not in text(stranger.get(reverse(f"{name}_changelist"))), name
        assert "zebras" in text(member.get(reverse(f"{name}_changelist"))), name
        assert "zebras" in text(browser.get(reverse(f"{name}_changelist"))), name
        assert stranger.get(reverse(f"{name}_change", args=[row.pk])).status_code == 302, name
        assert stranger.post(reverse(f"{name}_change", args=[row.pk])).status_code in {302, 403}


@one_barrier
@pytest.mark.usefixtures("barriers")
def test_a_successor_in_a_hidden_agreement_is_not_named(
    member: Client, stranger: Client, asia: TeamModel
) -> None:
    secret = create_agreement(ref=SECRET)
    deadline = create_agreement(ref="open")
    record(
        deadline,
        as_of=timezone.now(),
        type="replacement",
        on="2026-03-01",
        successor="O-1",
        successor_agreement=SECRET,
    )
    restrict(secret.agreement, asia)
    page = address("deadline", "change", deadline.pk)
    assert SECRET in text(member.get(page))
    links = stranger.get(page).context["page"]
    assert links.successor is None
    assert stranger.get(address("fact", "change", deadline.facts.get().pk)).status_code == 200
    back = member.get(address("deadline", "change", secret.pk)).context["page"]
    assert len(back.replaces) == 1


def test_what_was_purged_and_job_runs_are_for_administrators(
    browser: Client, stranger: Client, desk: User
) -> None:
    agreement = create_agreement(ref=SECRET).agreement
    sweep.run(as_of=timezone.now())
    purges.purge_agreement(agreement=agreement, reason="x", by=desk, as_of=timezone.now())
    [pk] = Tombstone.objects.values_list("pk", flat=True)
    for client, count in ((browser, 1), (stranger, 0)):
        page = client.get(address("tombstone", "changelist"))
        assert page.context["cl"].result_count == count
        runs = client.get(address("jobrun", "changelist")).context["cl"].result_count
        assert bool(runs) is bool(count)
    assert stranger.get(address("tombstone", "change", pk)).status_code == 302


def test_the_form_of_an_agreement_shows_and_stores_its_teams(
    browser: Client, member: Client, asia: TeamModel
) -> None:
    create_agreement(obligation())  # and the parties
    TeamModel.objects.create(slug="europe", name="Europe")
    page = reverse("admin:compliance_agreement_add")
    form = agreement_form(ref="reserved", visibility="teams", teams=["asia", "nobody"])
    refused = browser.post(page, form).context["adminform"].form
    assert "teams" in refused.errors
    assert refused.fields["teams"].choices == [("asia", "Asia"), ("europe", "Europe")]
    assert browser.post(page, {**form, "teams": ["asia", "europe"]}).status_code == 302
    agreement = Agreement.objects.get(ref="reserved")
    assert sorted(agreement.teams.values_list("slug", flat=True)) == ["asia", "europe"]
    shown = member.get(address("agreement", "change", agreement.pk)).context["adminform"].form
    assert shown["teams"].value() == ["asia", "europe"]
    assert shown.fields["teams"].choices == [("asia", "Asia"), ("europe", "Europe")]
    assert member.get(page).context["adminform"].form.fields["teams"].choices == [("asia", "Asia")]


def test_the_form_of_a_token_offers_the_teams_of_its_user(
    browser: Client, member: Client, asia: TeamModel
) -> None:
    TeamModel.objects.create(slug="europe", name="Europe")
    page = reverse("admin:compliance_apitoken_add")
    for client, offered in ((member, ["asia"]), (browser, ["asia", "europe"])):
        form = client.get(page).context["form"]
        assert [slug for slug, _ in form.fields["teams"].choices] == offered
    made = {"name": "dashboard", "user": "ana@example.org", "teams": ["asia"]}
    assert "pacta_" in member.post(page, made).content.decode()
    foreign = member.post(page, {**made, "teams": ["europe"]})
    assert "The user of the token has no team europe." in foreign.content.decode()
