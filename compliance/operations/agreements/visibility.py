"""Change who sees an agreement."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.agreements.import_reports import Difference, ImportMode, ImportReport
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.domain.vocabulary import Visibility
from compliance.models import Agreement, AgreementTeam, Membership, Team, User
from compliance.models.people.readers import SYSTEM, current_reader, reader_of, reading_as
from compliance.models.visibility import visible_to


def refuse_taken_ref(ref: str) -> None:
    """Refuse the ref of a stored agreement, in the same words whether or not the user sees it.

    Raises:
        Invalid: at `ref`.
    """
    with reading_as(SYSTEM):
        is_taken = Agreement.objects.filter(ref=ref).exists()
    if is_taken:
        raise refusal("ref", f"Agreement {ref} already exists. Choose another ref.")


def set_visibility(
    agreement: Agreement,
    visibility: Visibility | None,
    slugs: Sequence[str] | None,
    *,
    by: User | None,
) -> None:
    """Set who sees an agreement, in the transaction of the caller.

    Only administrators add teams to which they do not belong. For others, such a team is like one
    that does not exist.

    Args:
        visibility: None: as it is.
        slugs: the teams if the visibility is `teams`; None: as they are.
        by: who makes the change, or proposed it. None: a command, which may name all teams.

    Raises:
        Invalid: there is no team, a team does not exist for the user, or the user would not see
            the agreement any more.
    """
    stored = dict(AgreementTeam.objects.filter(agreement=agreement).values_list("team__slug", "pk"))
    wanted = Visibility(agreement.visibility) if visibility is None else visibility
    if wanted is Visibility.EVERYONE:
        slugs = ()
    if slugs is None:
        slugs = tuple(stored)
    if wanted == agreement.visibility and set(slugs) == set(stored):
        return
    if wanted is Visibility.TEAMS and not slugs:
        raise refusal("teams", "Name at least one team, or set visibility to everyone.")
    teams = _nameable(slugs, held=[*stored], by=by)
    # In this order, the user sees the agreement until the last step.
    AgreementTeam.objects.bulk_create(
        AgreementTeam(agreement=agreement, team=team)
        for slug, team in teams.items()
        if slug not in stored
    )
    agreement.visibility = wanted.value
    agreement.save(update_fields=["visibility"])
    removed = [pk for slug, pk in stored.items() if slug not in teams]
    AgreementTeam.objects.filter(pk__in=removed).delete()
    if not visible_to(Agreement.objects.filter(pk=agreement.pk), current_reader()).exists():
        sentence = "You would no longer see this agreement. Name one of your own teams as well."
        raise refusal("teams", sentence)


def _nameable(slugs: Sequence[str], *, held: Sequence[str], by: User | None) -> dict[str, Team]:
    """Return the teams with these slugs.

    Args:
        held: the slugs of the teams that the agreement has.

    Raises:
        Invalid: a team does not exist for the user.
    """
    nameable = Team.objects.all()
    is_limited = by is not None and reader_of(by).is_limited
    if is_limited:
        own = Membership.objects.filter(user=by).values("team")
        nameable = nameable.filter(Q(pk__in=own) | Q(slug__in=[*held]))
    teams = nameable.in_bulk([*slugs], field_name="slug")
    problems = [
        Problem(
            path=f"teams/{index}",
            detail=f"There is no team {slug}, or you do not belong to it. Name one of yours."
            if is_limited
            else f"Team {slug} does not exist. Create it first.",
        )
        for index, slug in enumerate(slugs)
        if slug not in teams
    ]
    if problems:
        raise Invalid(problems)
    return teams


def correct(
    document: AgreementDocument,
    agreement: Agreement,
    report: ImportReport,
    *,
    mode: ImportMode,
    by: User | None,
) -> None:
    """Set who sees a stored agreement as a document says, or report the difference as ignored.

    Raises:
        Invalid: as `set_visibility`.
    """
    held = sorted(agreement.teams.values_list("slug", flat=True))
    sent_teams = None if document.teams is None else sorted(document.teams)
    found = [
        Difference(path=name, ref=agreement.ref, stored=stored, sent=sent, fills_gap=False)
        for name, stored, sent in (
            ("visibility", agreement.visibility, document.visibility),
            ("teams", held, sent_teams),
        )
        if sent is not None and sent != stored
    ]
    if mode is ImportMode.ADD:
        report.ignored += found
    elif found:
        set_visibility(agreement, document.visibility, document.teams, by=by)
        report.changed += found
