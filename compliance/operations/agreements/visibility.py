"""Change who sees an agreement."""

from __future__ import annotations

from collections.abc import Sequence

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.agreements.import_reports import Difference, ImportMode, ImportReport
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.domain.vocabulary import Visibility
from compliance.models import Agreement, AgreementTeam, Team
from compliance.models.people.readers import SYSTEM, current_reader, reading_as
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
    agreement: Agreement, visibility: Visibility | None, slugs: Sequence[str] | None
) -> None:
    """Set who sees an agreement, in the transaction of the caller.

    Args:
        visibility: None: as it is.
        slugs: the teams if the visibility is `teams`; None: as they are.

    Raises:
        Invalid: there is no team, a team does not exist, or the user would not see the agreement
            any more.
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
    teams = Team.objects.in_bulk([*slugs], field_name="slug")
    problems = [
        Problem(path=f"teams/{index}", detail=f"Team {slug} does not exist. Create it first.")
        for index, slug in enumerate(slugs)
        if slug not in teams
    ]
    if problems:
        raise Invalid(problems)
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


def correct(
    document: AgreementDocument, agreement: Agreement, report: ImportReport, *, mode: ImportMode
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
        set_visibility(agreement, document.visibility, document.teams)
        report.changed += found
