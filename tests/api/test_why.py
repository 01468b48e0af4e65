"""deadlines/{id}/why/: the explanation of a status."""

from __future__ import annotations

from django.test import Client

from compliance.models import Agreement
from tests.api.answers import get, post
from tests.samples import create_agreement, deadline_of, record, state_position, utc


def test_the_release_of_rare_earths_is_explained(api: Client, geneva: Agreement) -> None:
    release = deadline_of("CN-2d")
    why = get(api, f"deadlines/{release.pk}/why/")
    assert (why["status"], why["since"]) == ("unmet", "2025-05-14T16:00:00Z")
    assert why["paragraph"] == (
        "Unmet since 14 May 2025, 16:00 UTC (15 May 2025, 00:00 in Asia/Shanghai). "
        "Due on 14 May 2025, before 14 May 2025, 16:00 UTC "
        "(15 May 2025, 00:00 in Asia/Shanghai). "
        "14 May 2025, 16:00 UTC (15 May 2025, 00:00 in Asia/Shanghai): "
        "The due date passed without an accepted performance. "
        "United States said on 30 May 2025 that it is not met: "
        "“HAS TOTALLY VIOLATED ITS AGREEMENT WITH US”. "
        "China said on 2 June 2025 that it is met: “groundless accusations”. "
        "The positions contradict each other, so the deadline is disputed. This does not change "
        "its status. "
        "No search was logged and no determination was made: the status follows from the clock and "
        "from what was recorded."
    )
    kinds = [step["kind"] for step in why["steps"]]
    assert kinds[0] == "rule"
    assert kinds[-5:] == ["time", "time", "position", "position", "verification"]
    assert why["steps"][-3]["evidence"] == ["E6", "E7"]


def test_a_past_status_is_explained_by_the_facts_known_then(api: Client, geneva: Agreement) -> None:
    path = f"deadlines/{deadline_of('CN-2d').pk}/why/"
    then = get(api, path, known_at="2025-05-20T00:00:00Z")
    assert then["status"] == "unmet"
    assert "said on" not in then["paragraph"]
    before = get(api, path, known_at="2025-05-14T12:00:00Z")
    assert before["status"] == "pending"
    assert "Nothing has changed since it was agreed." in before["paragraph"]
    get(api, path, 404, known_at="2025-05-01T00:00:00Z")


def test_a_past_status_is_not_explained_by_later_facts(api: Client, geneva: Agreement) -> None:
    why = get(api, f"deadlines/{deadline_of('US-3').pk}/why/", known_at="2025-06-01T00:00:00Z")
    assert "xtension" not in str(why)
    assert "2025-11" not in str(why)


def test_a_long_quotation_is_shortened_to_one_line(api: Client) -> None:
    deadline = create_agreement(as_of=utc("2026-03-01T00:00"))
    state_position(
        deadline,
        as_of=utc("2026-03-20T00:00"),
        party="ACME",
        verdict="met",
        on="2026-03-17",
        quote="Long\n" * 1_000,
    )
    paragraph = get(api, f"deadlines/{deadline.pk}/why/")["paragraph"]
    assert "\n" not in paragraph
    assert len(paragraph) < 1_000


def test_an_explanation_names_the_determination_and_its_evidence(api: Client) -> None:
    deadline = create_agreement(as_of=utc("2026-03-01T00:00"))
    post(
        api,
        "evidence/",
        {"agreement": "supply", "ref": "E1", "title": "Record", "kind": "document",
         "stance": "for", "obligations": ["O-1"]},
    )  # fmt: skip
    fact = record(deadline, as_of=utc("2026-03-25T00:00"), type="determination",
                  verdict="partly_met", on="2026-03-20", share="0.4", note="Two of five lots.",
                  evidence=["E1"])  # fmt: skip
    why = get(api, f"deadlines/{deadline.pk}/why/")
    assert (
        "A determination was made (on 20 March 2026, partly met, 40 percent, evidence E1). "
        "“Two of five lots.”" in why["paragraph"]
    )
    [step] = [each for each in why["steps"] if each["fact"] == fact.pk]
    assert (step["kind"], step["status"], step["evidence"]) == ("fact", "partly_met", ["E1"])
    assert "A determination confirms the status." in why["paragraph"]


def test_an_explanation_includes_only_the_latest_position_of_a_party(api: Client) -> None:
    deadline = create_agreement(as_of=utc("2026-03-01T00:00"))
    for day, verdict in (("2026-03-17", "not_met"), ("2026-03-19", "met")):
        state_position(
            deadline, as_of=utc("2026-03-20T00:00"), party="ACME", verdict=verdict, on=day
        )
    paragraph = get(api, f"deadlines/{deadline.pk}/why/")["paragraph"]
    assert "Acme GmbH said on 19 March 2026 that it is met." in paragraph
    assert "17 March" not in paragraph
    get(api, f"deadlines/{deadline.pk + 1}/why/", 404)
