"""Errors of documents: they name the obligation, the field, the limit and the actual value."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from compliance.domain.limits import MOST_FACTS, MOST_NEW_DEADLINES_OF_REQUEST, MOST_REPLAY_STEPS
from compliance.models import Agreement, Deadline, Fact, Obligation, Party
from compliance.operations.agreements import document_checks
from compliance.web import work_limit
from tests.api.answers import BASE, patch, post
from tests.samples import BUYER, SUPPLIER, document, obligation

pytestmark = pytest.mark.django_db


def refused(api: Client, value: dict[str, Any]) -> dict[str, str]:
    """Return the problems of a document by path; assert that it stores nothing."""
    before = (Party.objects.count(), Agreement.objects.count(), Fact.objects.count())
    response = api.post(
        f"{BASE}agreements/import/", orjson.dumps(value), content_type="application/json"
    )
    assert response.status_code == 400, response.content
    assert (Party.objects.count(), Agreement.objects.count(), Fact.objects.count()) == before
    return {each["path"]: each["detail"] for each in response.json()["errors"]}


def test_a_long_title_is_refused_with_its_length_and_its_obligation(api: Client) -> None:
    value = document("supply", obligation("A-1"), obligation("A-2", title="x" * 1_045))
    assert refused(api, value) == {
        "obligations/1/title": (
            "A-2, title: This has 1,045 characters; at most 1,000 are accepted: shorten it."
        )
    }


def test_titles_of_a_thousand_characters_are_stored(api: Client) -> None:
    long = "word " * 200
    value = document(
        "supply", obligation(title=long), title=long, milestones=[{"ref": "M", "title": long}]
    )
    post(api, "agreements/import/", value)
    assert len(Obligation.objects.get().title) == 999
    assert len(str(Obligation.objects.get())) < 110
    page = api.get(f"{BASE}deadlines/").json()["results"]
    assert len(page[0]["title"]) == 999


@pytest.mark.parametrize(
    ("fields", "path", "detail"),
    [
        ({"severity": "worst"}, "severity", "Give one of these: 'low', 'normal', 'high'"),
        ({"title": 5}, "title", "Give text."),
        ({"title": ""}, "title", "This is empty: enter some text."),
        ({"survives_termination": "perhaps"}, "survives_termination", "Give true or false."),
        ({"tags": "steel"}, "tags", "Give a list."),
        ({"due": {"on": "2026-01-01"}}, "due/type", ""),
        ({"due": {"type": "never"}}, "due/type", ""),
        ({"facts": [{"type": "done", "on": "2026-01-01"}]}, "facts/0/type", "Give one of these: "),
        ({"obligors": ["NOBODY"]}, "obligors/0", "NOBODY is not a party to supply"),
    ],
)
def test_errors_do_not_repeat_those_of_the_validator(
    api: Client, fields: dict[str, Any], path: str, detail: str
) -> None:
    found = refused(api, document("supply", obligation("A-1", **fields)))
    [(where, sentence)] = found.items()
    assert where == f"obligations/0/{path}"
    assert sentence.startswith(f"A-1, {path}: {detail}"), sentence


def party(**fields: Any) -> dict[str, Any]:
    return {"code": "P", "name": "Party", "kind": "state", **fields}


@pytest.mark.parametrize(
    ("fields", "more", "zone"),
    [
        ({"country": "AF"}, {}, "Asia/Kabul"),
        ({"country": "DE"}, {}, "Europe/Berlin"),
        ({"country": "US"}, {"timezone": "America/Chicago"}, "America/Chicago"),
        ({}, {"timezone": "Europe/Paris"}, "Europe/Paris"),
        ({"country": "AF", "timezone": "UTC"}, {"timezone": "Europe/Paris"}, "UTC"),
    ],
)
def test_the_zone_of_a_party_follows_from_its_country_or_the_agreement(
    api: Client, fields: dict[str, Any], more: dict[str, Any], zone: str
) -> None:
    parties = [party(**fields), {**BUYER, "timezone": "UTC"}]
    value = document("supply", obligation(obligors=["P"]), parties=parties, **more)
    post(api, "agreements/import/", value)
    assert Party.objects.get(code="P").timezone == zone
    assert post(api, "agreements/import/", value, 200)["ignored"] == []


def test_a_party_of_a_country_with_several_zones_needs_one(api: Client) -> None:
    parties = [party(country="CN"), BUYER]
    found = refused(api, document("supply", obligation(obligors=["P"]), parties=parties))
    assert found == {
        "parties/0/timezone": (
            "P, timezone: CN has several time zones (Asia/Shanghai, Asia/Urumqi): give one, or the "
            "time zone of the agreement."
        )
    }
    post(api, "parties/", party(country="AF"))
    assert Party.objects.get().timezone == "Asia/Kabul"


def daily(ref: str) -> dict[str, Any]:
    due = {"type": "recurrence", "start": "2024-01-01", "rrule": "FREQ=DAILY;COUNT=1500"}
    return obligation(ref, due=due)


def test_a_document_with_too_many_deadlines_is_refused_and_names_the_obligation(
    api: Client,
) -> None:
    value = document("supply", *(daily(f"D-{number}") for number in range(50)))
    [(path, sentence)] = refused(api, value).items()
    assert path.startswith("obligations/")
    assert path.endswith("/due")
    assert "With obligation D-6, this would create 10,500 deadlines or more; at most" in sentence
    assert f"at most {MOST_NEW_DEADLINES_OF_REQUEST:,} are accepted at once" in sentence
    assert not Deadline.objects.exists()


def test_deadlines_that_multiply_are_counted_before_any_is_created(api: Client) -> None:
    codes = [f"P{number}" for number in range(100)]
    dates = [{"party": code, "on": "2026-01-01"} for code in codes]
    ratified = {"type": "offset", "from": {"milestone": "ratified"}, "count": 1, "unit": "days"}
    by_party = document(
        "supply",
        *(obligation(f"O-{number}", due=ratified, obligors=codes) for number in range(101)),
        parties=[BUYER, *({**SUPPLIER, "code": code} for code in codes)],
        milestones=[{"ref": "ratified", "dates": dates}],
    )
    after = {"type": "offset", "from": {"deadline": "D"}, "count": 1, "unit": "days"}
    following = {**after, "from": {"deadline": "O-0"}}
    chained = document(
        "supply",
        daily("D"),
        obligation("O-0", due=after),
        *(obligation(f"O-{number}", due=following) for number in range(1, 6)),
    )
    for value, number in ((by_party, 100), (chained, 5)):
        [(path, sentence)] = refused(api, value).items()
        assert path == f"obligations/{number if value is by_party else number + 1}/due"
        assert "deadlines or more; at most 10,000 are accepted at once" in sentence


def test_fixed_dates_do_not_multiply_by_what_starts_their_period(api: Client) -> None:
    """Neither the deadlines of another obligation nor parties with their own dates do."""
    codes = [f"P{number}" for number in range(100)]
    after_event = {"type": "offset", "count": 1, "unit": "days"}
    monthly = {"type": "recurrence", "start": "2026-02-01", "rrule": "FREQ=MONTHLY;COUNT=6"}
    kept: dict[str, Any] = {"kind": "maintain", "due": monthly}
    value = document(
        "supply",
        daily("D"),
        obligation("A", **kept, starts={**after_event, "from": {"deadline": "D"}}),
        *(
            obligation(f"B-{number}", **kept, starts=starts, obligors=codes)
            for number in range(20)
            for starts in [{**after_event, "from": {"milestone": "ratified"}}]
        ),
        parties=[BUYER, SUPPLIER, *({**SUPPLIER, "code": code} for code in codes)],
        milestones=[
            {"ref": "ratified", "dates": [{"party": code, "on": "2026-01-01"} for code in codes]}
        ],
    )
    post(api, "agreements/import/", value)
    numbers = Counter(Deadline.objects.values_list("obligation__ref", flat=True))
    assert numbers.pop("D") > 100
    assert numbers == {"A": 6, **{f"B-{number}": 6 for number in range(20)}}


def test_a_milestone_that_starts_too_many_deadlines_can_be_dated_in_steps(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = {"type": "recurrence", "start": {"milestone": "M"}, "rrule": "FREQ=WEEKLY;COUNT=12"}
    rows = [obligation(f"O-{number}", due=due) for number in range(3)]
    post(api, "agreements/import/", document("supply", *rows, milestones=[{"ref": "M"}]))
    monkeypatch.setattr(work_limit, "MOST_NEW_DEADLINES_OF_REQUEST", 24)

    ids = [Obligation.objects.get(ref=f"O-{number}").pk for number in range(2)]
    starts_on = timezone.now().date() + timedelta(days=30)
    dated = {"milestones": [{"ref": "M", "on": f"{starts_on}"}]}
    refusal = str(patch(api, "agreements/supply/", dated, 400))
    assert "Let some of the obligations that this moves end earlier with until" in refusal
    assert "another document" not in refusal
    # What the sentence says works.
    for pk in ids:
        patch(api, f"obligations/{pk}/", {"due": {**due, "until": f"{starts_on}"}})
    patch(api, "agreements/supply/", dated)
    for pk in ids:
        patch(api, f"obligations/{pk}/", {"due": due})
    numbers = Counter(Deadline.objects.values_list("obligation__ref", flat=True))
    assert numbers == {f"O-{number}": 12 for number in range(3)}


def test_the_search_for_rules_with_too_many_dates_ends(api: Client) -> None:
    due = {"type": "recurrence", "start": "1900-01-01", "rrule": "FREQ=DAILY"}
    value = document("supply", *(obligation(f"D-{number}", due=due) for number in range(50)))
    found = refused(api, value)
    assert len(found) == 11
    assert all("more than 2000 dates" in each for each in found.values())


def test_refused_recurrences_do_not_count_as_deadlines(api: Client) -> None:
    unknown = {"type": "recurrence", "start": {"milestone": "none"}, "rrule": "FREQ=MONTHLY"}
    rows = [obligation(f"R-{number}", due=unknown) for number in range(5)]
    found = refused(api, document("supply", *rows, obligation("valid")))
    assert [*found] == [f"obligations/{number}/due/start/milestone" for number in range(5)]
    assert all("There is no milestone none here" in each for each in found.values())


def test_too_many_deadlines_do_not_hide_the_problems_found_before(api: Client) -> None:
    wrong = obligation("W", obligors=["NOBODY"])
    value = document("supply", wrong, *(daily(f"D-{number}") for number in range(8)))
    assert [*refused(api, value)] == ["obligations/0/obligors/0", "obligations/7/due"]


RECORDED = {"recorded_at": "2026-01-21T00:00:00Z"}


def test_a_history_that_takes_too_long_to_replay_is_refused(api: Client) -> None:
    performance = {"type": "performance", "on": "2026-01-20", **RECORDED}
    extension = {
        "type": "extension",
        "on": "2026-01-20",
        "due": {"type": "date", "on": "2026-04-01"},
        **RECORDED,
    }
    rows = [obligation(f"O-{number}", facts=[performance] * 290) for number in range(7)]
    [(path, sentence)] = refused(api, document("supply", *rows)).items()
    assert path == "obligations/5/facts"
    assert "takes 504,600 steps" in sentence
    assert f"at most {MOST_REPLAY_STEPS:,} are accepted at once" in sentence
    dated = [obligation(f"O-{number}", facts=[extension] * 230) for number in range(2)]
    assert "529,000 steps" in refused(api, document("supply", *dated))["obligations/1/facts"]
    suspended = [
        {"type": "suspension", "on": "2026-01-20", "until": "2026-01-21", **RECORDED}
    ] * 280
    many = [obligation(f"O-{number}") for number in range(10)]
    found = refused(api, document("supply", *many, facts=suspended))
    assert "784,000 steps" in found["obligations/1/facts"]


def test_facts_without_a_history_are_not_replayed_and_not_refused(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_checks, "MOST_REPLAY_STEPS", 10)
    performance = {"type": "performance", "on": "2026-01-20"}
    post(api, "agreements/import/", document("supply", obligation("A", facts=[performance] * 4)))
    assert Fact.objects.count() == 4


def test_stored_facts_count_if_historical_facts_replay_them(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    performance = {"type": "performance", "on": "2026-01-20", **RECORDED}
    rows = [obligation(f"O-{number}", facts=[performance] * 4) for number in range(3)]
    rows.append(obligation("SURVIVES", facts=[performance] * 7, survives_termination=True))
    post(api, "agreements/import/", document("supply", *rows))
    later = {"recorded_at": "2026-01-22T00:00:00Z"}
    suspensions = [
        {"type": "suspension", "on": f"2026-01-1{number}", "until": "2026-01-19"}
        for number in range(2)
    ]
    monkeypatch.setattr(document_checks, "MOST_REPLAY_STEPS", 60)
    history = document("supply", facts=[each | later for each in suspensions])
    # Each of three deadlines is projected twice from six facts, two of which last.
    [(path, sentence)] = refused(api, history).items()
    assert (path, "takes 84 steps" in sentence) == ("facts", True), sentence
    monkeypatch.setattr(document_checks, "MOST_REPLAY_STEPS", 7)
    one = obligation("SURVIVES", facts=[{**performance, "on": "2026-01-19", **later}])
    [(path, sentence)] = refused(api, document("supply", one)).items()
    assert (path, "takes 8 steps" in sentence) == ("obligations/0/facts", True), sentence
    assert "leave out recorded_at" in sentence
    post(api, "agreements/import/", document("supply", facts=suspensions))


def test_too_many_facts_about_one_deadline_are_refused_at_every_entry_point(api: Client) -> None:
    fact = {"type": "performance", "on": "2026-03-01"}
    many = document("supply", obligation("A-1", facts=[fact] * (MOST_FACTS + 1)))
    [(path, sentence)] = refused(api, many).items()
    assert path == "obligations/0/facts"
    assert f"would have {MOST_FACTS + 1:,} facts; at most {MOST_FACTS:,} are accepted" in sentence
    post(api, "agreements/import/", document("supply", obligation("A-1")))
    deadline = Deadline.objects.get()
    Fact.objects.bulk_create(
        Fact(
            deadline=deadline, kind="performance", effective_at=deadline.begins_at,
            recorded_at=deadline.begins_at,
        )
        for _ in range(MOST_FACTS)
    )  # fmt: skip
    answer = post(api, "facts/", {"deadline": deadline.pk, **fact}, 400)
    assert f"{MOST_FACTS + 1:,} facts" in answer["errors"][0]["detail"]
    more = document("supply", obligation("A-1", facts=[fact]))
    assert f"{MOST_FACTS + 1:,} facts" in next(iter(refused(api, more).values()))


def test_a_count_of_four_hundred_digits_is_refused(api: Client) -> None:
    due = {"type": "recurrence", "start": "2026-01-01", "rrule": f"FREQ=DAILY;COUNT={'9' * 400}"}
    found = refused(api, document("supply", obligation("A-1", due=due)))
    assert "COUNT has 400 digits; at most 9 are accepted" in found["obligations/0/due/rrule"]
