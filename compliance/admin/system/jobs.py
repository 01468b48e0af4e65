"""Runs of the background jobs, with their counts and the problems that they found."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from compliance.admin import badges, instants, urls
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.theme import InlineFormSet, TabularInline
from compliance.domain.phrases import counted
from compliance.domain.vocabulary import JobKind
from compliance.models import JobRun, RecomputedDeadline

# The labels of the counts of each kind, in the order in which they are shown.
_COUNTS = {
    JobKind.SWEEP: {
        "refreshed": "refreshed",
        "breaches": "new breaches",
        "quarantined": "quarantined",
    },
    JobKind.RECOMPUTATION: {"examined": "examined", "moved": "moved", "failed": "failed"},
    JobKind.AUDIT: {"breaches": "open breaches", "alerts": "pending alerts"},
    JobKind.LEDGER_CHECK: {
        "deadlines": "deadlines",
        "facts": "facts",
        "entries": "ledger entries",
    },
}

# What a run without problems shows. Other kinds store their problems with the deadlines.
_CLEAN = {
    JobKind.AUDIT: (
        "Every breach has its alerts, and every alert was sent, is waiting or withdrawn."
    ),
    JobKind.LEDGER_CHECK: "All rows are as they were recorded.",
}

# The models that a problem links to.
_LINKED_MODELS = frozenset({"breach", "alert", "message", "deadline"})


class RecomputedDeadlineInline(TabularInline):
    """The deadlines that a recomputation moved or failed to compute."""

    model = RecomputedDeadline
    formset = InlineFormSet
    fields = ("deadline", "moved_from", "moved_to", "problem")
    readonly_fields = fields
    verbose_name_plural = "moved due dates and problems"
    hide_title = True
    can_delete = False
    extra = 0
    per_page = 100

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows with their deadlines."""
        return super().get_queryset(request).select_related("deadline__obligation")

    @admin.display(description="From")
    def moved_from(self, recomputed: RecomputedDeadline) -> SafeString:
        """Return the previous due instant."""
        return instants.utc_html(recomputed.from_due_at, recomputed.deadline.timezone)

    @admin.display(description="To")
    def moved_to(self, recomputed: RecomputedDeadline) -> SafeString:
        """Return the new due instant."""
        return instants.utc_html(recomputed.to_due_at, recomputed.deadline.timezone)

    def has_add_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return False: rows are not added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return False: rows are not edited here."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return whether the user may view job runs."""
        return bool(request.user.has_perm("compliance.view_jobrun"))


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    """All job runs, newest first.

    Sweeps detect missed deadlines. Recomputations run when time zone or holiday data or a custom
    calendar changes, and every day to create the next deadlines of recurring obligations. Audits
    check that every breach has its alerts and that all are sent. Ledger checks compare the recorded
    rows with the seals. Sweeps that changed nothing are deleted after two days.
    """

    list_display = ("started", "kind", "result", "counts_text", "run_time_text")
    list_filter = ("kind",)
    readonly_fields = (
        "started", "ended", "run_time_text", "result", "counts_text", "data_version", "horizon",
        "problem_list",
    )  # fmt: skip
    started = instants.utc_column("started_at", "Started")
    ended = instants.utc_column("ended_at", "Ended")

    def get_fields(self, request: HttpRequest, obj: Any | None = None) -> list[Any]:
        """Return the fields of the kind of the run."""
        fields = [
            "kind", "as_of", "started", "ended", "run_time_text", "result", "counts_text",
        ]  # fmt: skip
        if obj is not None and obj.kind == JobKind.RECOMPUTATION.value:
            fields += ["data_version", "horizon"]
        if obj is not None and obj.kind in _CLEAN:
            fields.append("problem_list")
        return fields

    def get_inlines(self, request: HttpRequest, obj: Any | None) -> list[Any]:
        """Return the recomputed deadlines of a recomputation."""
        is_recomputation = obj is not None and obj.kind == JobKind.RECOMPUTATION.value
        return [RecomputedDeadlineInline] if is_recomputation else []

    @admin.display(description="Run time")
    def run_time_text(self, run: JobRun) -> str:
        """Return how long the run took."""
        return instants.run_time_text(run.started_at, run.ended_at)

    @admin.display(description="Result")
    def result(self, run: JobRun) -> SafeString:
        """Return whether the run found problems, and how many."""
        if run.ended_at is None:
            return badges.badge("not_finished")
        count = run.problem_count
        if not count:
            return badges.badge("clean")
        return badges.two_lines(badges.badge("failed"), counted(count, "problem"))

    @admin.display(description="Counts")
    def counts_text(self, run: JobRun) -> str:
        """Return the counts of the run."""
        labels = _COUNTS[JobKind(run.kind)].items()
        shown = [f"{run.counts[key]:,} {label}" for key, label in labels if key in run.counts]
        return ", ".join(shown) or "-"

    @admin.display(description="Zone and holiday data")
    def data_version(self, run: JobRun) -> str:
        """Return the version of the data that a recomputation used."""
        return str(run.parameters["data_version"])

    @admin.display(description="Horizon")
    def horizon(self, run: JobRun) -> str:
        """Return the day up to which a recomputation created recurring deadlines."""
        return str(run.parameters["horizon"])

    @admin.display(description="Problems")
    def problem_list(self, run: JobRun) -> SafeString | str:
        """Return each problem, with a link to the row that it is about."""
        if not run.problems:
            return _CLEAN[JobKind(run.kind)]
        rows = ((_link(each["about"], each["id"]), each["detail"]) for each in run.problems)
        lines = format_html_join("", "<li>{}: {}</li>", rows)
        return format_html('<ul class="pacta-problems">{}</ul>', lines)


def _link(model: str, row_id: int | None) -> SafeString:
    if row_id is None or model not in _LINKED_MODELS:
        return format_html("{} {}", model, row_id or "")
    url = urls.row_url(model, row_id)
    return format_html('<a class="pacta-link" href="{}">{} {}</a>', url, model.capitalize(), row_id)
