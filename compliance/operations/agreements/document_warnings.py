"""What the report of an import warns about."""

from __future__ import annotations

from datetime import datetime

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.agreements.import_reports import ImportReport
from compliance.domain.phrases import counted
from compliance.domain.problems import Problem
from compliance.models import Agreement
from compliance.operations.agreements import responsibilities
from compliance.operations.agreements.import_targets import Added
from compliance.operations.deadlines import effects, outlying_dates


def warn(
    document: AgreementDocument,
    agreement: Agreement,
    added: Added,
    report: ImportReport,
    *,
    as_of: datetime,
) -> None:
    """Report which new milestones, facts and positions change nothing, which dates lie outside the
    agreement, and who is responsible but not notified."""
    made = {each.ref for each in report.made if each.path.startswith("milestones/")}
    unused = effects.warnings_about_milestones(agreement, made)
    report.warnings += [
        Problem(path=f"milestones/{index}", detail=unused[each.ref])
        for index, each in enumerate(document.milestones)
        if each.ref in unused
    ]
    report.warnings += _outlying(agreement, report)
    paths = {
        each.ref: f"obligations/{index}"
        for index, each in enumerate(document.obligations)
        if each.responsible
    }
    report.warnings += [
        Problem(path=f"{paths[ref]}/responsible", detail=detail)
        for ref, details in responsibilities.warnings_about(agreement, paths).items()
        for detail in details
    ][: effects.MOST_WARNINGS]
    if any(each.path == "ends_on" for each in report.changed):
        report.warnings += [
            Problem(path="ends_on", detail=detail)
            for detail in outlying_dates.warnings_about_end(agreement, as_of=as_of)
        ]
    report.warnings += effects.warnings_of_import(added.facts, added.positions)


def _outlying(agreement: Agreement, report: ImportReport) -> list[Problem]:
    """Return the warnings about dates of new obligations outside the agreement."""
    new = {each.ref: each.path for each in report.made if _is_obligation(each.path)}
    found = [
        Problem(path=new[ref], detail=detail)
        for ref, details in outlying_dates.warnings_about_obligations(agreement).items()
        for detail in details
        if ref in new
    ]
    if len(found) <= effects.MOST_WARNINGS:
        return found
    rest = counted(len(found) - effects.MOST_WARNINGS, "more obligation")
    others = Problem(path="obligations", detail=f"There is a warning about {rest}.")
    return [*found[: effects.MOST_WARNINGS], others]


def _is_obligation(path: str) -> bool:
    return path.startswith("obligations/") and path.count("/") == 1
