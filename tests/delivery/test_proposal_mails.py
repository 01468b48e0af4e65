"""Everyone who may approve a proposal gets one email about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission

from compliance import delivery
from compliance.delivery import pace, proposal_mails
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import read
from compliance.models import Agreement, Deadline, Proposal, ProposalNotification, User
from compliance.operations.agreements import archiving, proposals
from compliance.operations.deadlines.approvals import Approval
from tests.delivery.conftest import DUE, NOW, Desk, Sink

pytestmark = pytest.mark.django_db

WAIVER = {"type": "waiver", "on": "2026-03-02", "note": "Given up\nby both."}


def person(name: str, *rights: str, **fields: Any) -> User:
    """Return a user with these permissions."""
    user = User.objects.create_user(f"{name}@example.org", "secret", **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


@pytest.fixture
def deadline(desk: Desk) -> Deadline:
    deadline = desk.deadline(desk.agreement(), "Deliver 10 t of magnets")
    Agreement.objects.update(requires_approval=True)
    deadline.refresh_from_db()
    return deadline


@pytest.fixture
def ana(db: None) -> User:
    """The user who proposes, and may approve the proposals of others."""
    return person("ana", "add_fact", "approve_proposal")


@pytest.fixture
def bo(db: None) -> User:
    """A user who may approve."""
    return person("bo", "approve_proposal")


def propose(deadline: Deadline, by: User, **values: Any) -> Proposal:
    draft = read(FactDraft, values or WAIVER)
    found = proposals.submit(deadline=deadline, draft=draft, by=by, as_of=NOW, is_confirmed=True)
    assert isinstance(found, Proposal)
    return found


def notify(after: timedelta = timedelta()) -> int:
    return delivery.notify_approvers(as_of=NOW + after)


def test_everyone_who_may_approve_gets_one_email_except_the_proposer(
    deadline: Deadline, ana: User, bo: User, sink: Sink
) -> None:
    person("cy", "add_fact")
    person("gone", "approve_proposal", is_active=False)
    User.objects.create_superuser("head@example.org", "secret")
    group = Group.objects.create(name="Reviewers")
    group.permissions.add(Permission.objects.get(codename="approve_proposal"))
    person("di").groups.add(group)
    propose(deadline, ana)
    assert notify() == 3
    assert sorted(sink.recipients) == ["bo@example.org", "di@example.org", "head@example.org"]
    assert notify(timedelta(days=1)) == 0
    assert len(sink.received) == 3


def test_the_email_says_what_is_proposed_with_what_effect_and_where_it_is_approved(
    deadline: Deadline, ana: User, bo: User, sink: Sink
) -> None:
    proposal = propose(deadline, ana)
    notify()
    [mail] = sink.received
    assert str(mail["Subject"]) == ("Pacta: waiver proposed: Deliver 10 t of magnets (supply-2026)")
    assert mail.get_content().splitlines() == [
        "ana@example.org proposed a waiver on Monday, 2 March 2026, 09:00 UTC. It",
        "takes effect only if another person approves it.",
        "",
        "Agreement: Supply agreement (supply-2026)",
        "Obligation: Deliver 10 t of magnets (O-1)",
        "Due: Monday, 2 March 2026, 12:00 (UTC)",
        "Status: pending",
        "Proposed: waiver, effective 2 March 2026",
        "Effect: This would change its status from pending to waived.",
        "Reasons: Given up by both.",
        "",
        "Approve or reject it here:",
        f"https://pacta.example/admin/compliance/proposal/{proposal.pk}/change/",
        "",
        "You receive this email because you may approve other people's proposals.",
    ]


@pytest.mark.parametrize(
    ("proposed", "effect"),
    [
        (
            {"type": "extension", "on": "2026-03-02", "due": {"type": "date", "on": "2026-03-09"}},
            "change its due date from Monday, 2 March 2026, 12:00 (UTC) to end of Monday, "
            "9 March 2026 (UTC).",
        ),
        (
            {"type": "extension", "on": "2026-03-02", "due": {"type": "date", "on": "2026-02-20"}},
            "mean that the deadline has been unmet since ",
        ),
    ],
)  # fmt: skip
def test_the_effect_of_an_extension_is_its_due_date(
    deadline: Deadline, ana: User, bo: User, sink: Sink, proposed: dict[str, Any], effect: str
) -> None:
    propose(deadline, ana, **proposed)
    notify()
    text = " ".join(sink.received[0].get_content().split())
    assert f"Effect: This would {effect}" in text


def test_a_due_date_and_a_share_are_described_as_in_emails_about_alerts(
    desk: Desk, ana: User, bo: User, sink: Sink
) -> None:
    agreement = desk.agreement()
    Agreement.objects.update(requires_approval=True)
    found = desk.deadline(agreement, due={"type": "date", "on": "2026-05"})
    finding = {"type": "determination", "on": "2026-03", "verdict": "partly_met", "share": "0.5"}
    propose(found, ana, **finding, note="Half of it.")
    notify()
    lines = sink.received[0].get_content().splitlines()
    assert "Due: in May 2026" in lines
    assert "Proposed: determination, effective March 2026, verdict partly met, share 50%" in lines


def test_a_proposal_that_is_decided_or_withdrawn_is_not_announced(
    deadline: Deadline, ana: User, bo: User, sink: Sink
) -> None:
    proposals.reject(proposal=propose(deadline, ana), reason="", by=ana, as_of=NOW)
    proposals.reject(proposal=propose(deadline, ana), reason="No.", by=bo, as_of=NOW)
    proposals.approve(proposal=propose(deadline, ana), by=bo, as_of=NOW)
    assert notify() == 0
    assert sink.received == []
    assert not ProposalNotification.objects.exclude(next_attempt_at=None).exists()


def test_who_may_no_longer_approve_is_not_notified(
    deadline: Deadline, ana: User, bo: User, sink: Sink
) -> None:
    propose(deadline, ana)
    bo.user_permissions.clear()
    assert notify() == 0
    assert sink.received == []


def test_proposals_of_archived_agreements_are_announced_when_they_are_restored(
    deadline: Deadline, ana: User, bo: User, sink: Sink
) -> None:
    propose(deadline, ana)
    approval = Approval(by=bo, effect=None)
    archiving.archive(
        agreement=deadline.agreement, reason="Done.", by=None, as_of=NOW, approval=approval
    )
    assert notify() == 0
    archiving.restore(agreement=deadline.agreement, reason="Not done.", by=None, as_of=NOW)
    assert notify() == 1


def test_a_failure_delays_only_its_own_email(
    deadline: Deadline, ana: User, bo: User, sink: Sink
) -> None:
    person("cy", "approve_proposal")
    propose(deadline, ana)
    sink.recipient_answers = lambda address: "451 Later" if "bo" in address else "250 OK"
    assert notify() == 1
    assert notify(timedelta(seconds=20)) == 0
    sink.recipient_answers = lambda _address: "250 OK"
    assert notify(timedelta(seconds=40)) == 1
    assert sink.recipients == ["cy@example.org", "bo@example.org"]


def test_a_refused_email_is_not_repeated_and_administrators_are_notified(
    deadline: Deadline, ana: User, bo: User, sink: Sink
) -> None:
    propose(deadline, ana)
    User.objects.create_superuser("head@example.org", "secret")
    sink.recipient_answers = lambda address: "550 No" if "bo" in address else "250 OK"
    assert notify() == 0
    assert notify(timedelta(days=1)) == 0
    assert sink.subjects == ["Pacta: email to bo@example.org is refused"]


class Killed(BaseException):
    """Ends a worker as SIGKILL would: without an answer."""


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_kill_loses_no_email_and_repeats_at_most_one(
    deadline: Deadline, ana: User, bo: User, sink: Sink, monkeypatch: Any, is_sent: bool
) -> None:
    propose(deadline, ana)

    def die(*_args: Any, **_values: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(proposal_mails, "_record" if is_sent else "_send", die)
        with pytest.raises(Killed):
            notify()
    assert notify(timedelta(minutes=1)) == 0  # another worker may still be sending it
    assert notify(pace.PROPOSAL_LEASE + timedelta(seconds=5)) == 1
    assert notify(timedelta(days=1)) == 0
    assert len(sink.received) == 1 + is_sent
    assert len({str(each["Message-ID"]) for each in sink.received}) == 1


def test_an_unreachable_server_ends_the_run_and_loses_nothing(
    deadline: Deadline, ana: User, bo: User, sink: Sink, settings: Any
) -> None:
    person("cy", "approve_proposal")
    propose(deadline, ana)
    settings.EMAIL_PORT = 1
    assert notify() == 0
    settings.EMAIL_PORT = sink.port
    assert notify(timedelta(minutes=1)) == 2


def test_a_proposal_whose_transaction_fails_is_not_announced(
    deadline: Deadline, ana: User, bo: User, sink: Sink
) -> None:
    with pytest.raises(Exception, match="no_such"):
        propose(deadline, ana, type="waiver", on="2026-03-02", evidence=["no_such"])
    assert not ProposalNotification.objects.exists()


def test_an_email_about_alerts_is_sent_although_one_about_a_proposal_fails(
    desk: Desk, deadline: Deadline, ana: User, bo: User, sink: Sink
) -> None:
    desk.follow()
    propose(deadline, ana, type="waiver", on="2026-03-02", note="Given\x85 up")
    sink.recipient_answers = lambda address: "550 No" if "bo" in address else "250 OK"
    desk.sweep(DUE)
    notify()
    desk.deliver(DUE + timedelta(minutes=1))
    assert sink.recipients == ["reader@example.org"]
