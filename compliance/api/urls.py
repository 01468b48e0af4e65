"""The addresses of the API."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path, re_path, register_converter
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.viewsets import ViewSet

from compliance.api.agreements.agreements import AgreementViews
from compliance.api.agreements.archiving import ArchiveViews
from compliance.api.agreements.document_schema import DocumentSchemaViews
from compliance.api.agreements.imports import ImportBatchViews, ImportViews
from compliance.api.agreements.obligations import ObligationViews
from compliance.api.agreements.parties import PartyViews, RetirementViews
from compliance.api.agreements.purges import PurgeViews
from compliance.api.alerts.alerts import AlertViews, AttemptViews
from compliance.api.alerts.calendar_feeds import CalendarFeedViews
from compliance.api.alerts.silences import SilenceViews
from compliance.api.alerts.subscriptions import SubscriptionViews
from compliance.api.alerts.webhooks import RedeliveryViews, WebhookViews
from compliance.api.deadlines.breaches import AcknowledgementViews, BreachViews
from compliance.api.deadlines.changes import ChangeViews, ComparisonViews
from compliance.api.deadlines.deadlines import DeadlineViews
from compliance.api.deadlines.determinations import DeterminationViews
from compliance.api.deadlines.facts import FactViews
from compliance.api.deadlines.positions import PositionViews
from compliance.api.deadlines.proposals import DecisionViews, ProposalViews
from compliance.api.deadlines.reciprocity import ReciprocityViews
from compliance.api.deadlines.summary import SummaryViews
from compliance.api.deadlines.trend import TrendViews
from compliance.api.deadlines.upcoming import UpcomingViews
from compliance.api.deadlines.what_if import WhatIfViews
from compliance.api.deadlines.why import WhyViews
from compliance.api.due_dates.due_rules import PreviewViews
from compliance.api.evidence.evidence import EvidenceViews, FileViews
from compliance.api.integrity.seals import SealViews
from compliance.api.integrity.tombstones import RemovedRowViews, TombstoneViews
from compliance.api.people.closings import ClosingViews
from compliance.api.people.teams import TeamViews
from compliance.api.people.tokens import TokenViews
from compliance.api.people.users import InvitationViews, OwnUserViews, UserViews
from compliance.api.root import RootViews, SchemaView, UnknownAddressView
from compliance.api.system.audit_log import AuditViews

app_name = "api"


class _Id:
    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        if not 0 < int(value) < 2**63:
            raise ValueError(value)
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


class _Text:
    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class _AgreementRef(_Text):
    regex = "[a-z0-9][a-z0-9-]{0,63}"


class _TeamSlug(_Text):
    regex = "[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?"


class _PartyCode(_Text):
    regex = "[A-Z0-9][A-Z0-9_-]{0,31}"


register_converter(_Id, "id")
register_converter(_AgreementRef, "agreement_ref")
register_converter(_TeamSlug, "team_slug")
register_converter(_PartyCode, "party_code")


def _routes(name: str, views: type[ViewSet], key: str = "<id:id>") -> list[URLPattern]:
    """Return the list and detail addresses of a resource, with the methods of its views."""

    def verbs(**actions: str) -> dict[str, Any]:
        return {verb: action for verb, action in actions.items() if hasattr(views, action)}

    return [
        path(f"{name}/", views.as_view(verbs(get="list", post="create")), name=name),
        path(
            f"{name}/{key}/",
            views.as_view(
                verbs(get="retrieve", patch="partial_update", delete="destroy"),
            ),
            name=f"{name}-row",
        ),
    ]


urlpatterns = [
    path("", RootViews.as_view({"get": "retrieve"}), name="root"),
    *_routes("parties", PartyViews, "<party_code:code>"),
    *(
        path(
            f"parties/<party_code:code>/{verb}/",
            RetirementViews.as_view({"post": verb}),
            name=f"party-{verb}",
        )
        for verb in ("retire", "restore", "merge")
    ),
    path("agreements/import/", ImportViews.as_view({"post": "create"}), name="import"),
    *_routes("agreements", AgreementViews, "<agreement_ref:ref>"),
    path(
        "agreements/<agreement_ref:ref>/archive/",
        ArchiveViews.as_view({"post": "archive"}),
        name="archive",
    ),
    path(
        "agreements/<agreement_ref:ref>/restore/",
        ArchiveViews.as_view({"post": "restore"}),
        name="restore",
    ),
    path(
        "agreements/<agreement_ref:ref>/purge/",
        PurgeViews.as_view({"post": "create"}),
        name="purge",
    ),
    *_routes("imports", ImportBatchViews),
    path(
        "imports/<id:id>/purge/",
        ImportBatchViews.as_view({"post": "purge"}),
        name="import-purge",
    ),
    *_routes("obligations", ObligationViews),
    path(
        "obligations/<id:id>/consequences/",
        ObligationViews.as_view({"get": "consequences"}),
        name="consequences",
    ),
    *_routes("deadlines", DeadlineViews),
    path(
        "deadlines/<id:id>/timeline/",
        DeadlineViews.as_view({"get": "timeline"}),
        name="timeline",
    ),
    path(
        "deadlines/<id:id>/history/",
        DeadlineViews.as_view({"get": "history"}),
        name="history",
    ),
    path("deadlines/<id:id>/why/", WhyViews.as_view({"get": "retrieve"}), name="why"),
    path(
        "deadlines/<id:id>/what-if/",
        WhatIfViews.as_view({"post": "create"}),
        name="what-if",
    ),
    *_routes("facts", FactViews),
    *_routes("determinations", DeterminationViews),
    *_routes("proposals", ProposalViews),
    path(
        "proposals/<id:id>/approve/",
        DecisionViews.as_view({"post": "approve"}),
        name="proposal-approve",
    ),
    path(
        "proposals/<id:id>/reject/",
        DecisionViews.as_view({"post": "reject"}),
        name="proposal-reject",
    ),
    *_routes("evidence", EvidenceViews),
    path(
        "evidence/<id:id>/files/",
        FileViews.as_view({"get": "list", "post": "create"}),
        name="files",
    ),
    path(
        "evidence/<id:id>/files/<id:revision>/",
        FileViews.as_view({"get": "retrieve"}),
        name="file",
    ),
    *_routes("positions", PositionViews),
    *_routes("breaches", BreachViews),
    path(
        "breaches/<id:id>/acknowledge/",
        AcknowledgementViews.as_view({"post": "create"}),
        name="breach-acknowledge",
    ),
    *_routes("alerts", AlertViews),
    path(
        "alerts/<id:id>/attempts/",
        AttemptViews.as_view({"get": "list"}),
        name="alert-attempts",
    ),
    path(
        "alerts/<id:id>/redeliver/",
        RedeliveryViews.as_view({"post": "create"}),
        name="alert-redeliver",
    ),
    *_routes("subscriptions", SubscriptionViews),
    *_routes("webhooks", WebhookViews),
    path("webhooks/<id:id>/rotate/", WebhookViews.as_view({"post": "rotate"}), name="rotate"),
    *_routes("calendar-feeds", CalendarFeedViews),
    path(
        "calendar-feeds/<id:id>/revoke/",
        CalendarFeedViews.as_view({"post": "revoke"}),
        name="calendar-feed-revoke",
    ),
    *_routes("silences", SilenceViews),
    path("silences/<id:id>/end/", SilenceViews.as_view({"post": "end"}), name="silence-end"),
    path("due-rules/preview/", PreviewViews.as_view({"post": "create"}), name="due-rules-preview"),
    path("trend/", TrendViews.as_view({"get": "retrieve"}), name="trend"),
    path("summary/", SummaryViews.as_view({"get": "retrieve"}), name="summary"),
    path("upcoming/", UpcomingViews.as_view({"get": "retrieve"}), name="upcoming"),
    path("reciprocity/", ReciprocityViews.as_view({"get": "retrieve"}), name="reciprocity"),
    *_routes("seals", SealViews),
    path("users/<id:id>/close/", ClosingViews.as_view({"post": "create"}), name="user-close"),
    path("audit/", AuditViews.as_view({"get": "list"}), name="audit"),
    *_routes("tombstones", TombstoneViews),
    path(
        "tombstones/<id:id>/rows/",
        RemovedRowViews.as_view({"get": "list"}),
        name="tombstone-rows",
    ),
    path("users/me/", OwnUserViews.as_view({"get": "retrieve"}), name="users-me"),
    *_routes("users", UserViews),
    path("users/<id:id>/invite/", InvitationViews.as_view({"post": "create"}), name="invite"),
    *_routes("teams", TeamViews, "<team_slug:slug>"),
    *_routes("tokens", TokenViews),
    path("tokens/<id:id>/rotate/", TokenViews.as_view({"post": "rotate"}), name="token-rotate"),
    path("changes/between/", ComparisonViews.as_view({"get": "list"}), name="changes-between"),
    path("changes/", ChangeViews.as_view({"get": "list"}), name="changes"),
    path(
        "document-schema/",
        DocumentSchemaViews.as_view({"get": "retrieve"}),
        name="document-schema",
    ),
    path("schema/", SchemaView.as_view(), name="schema"),
    path(
        "docs/",
        # Its answer to OPTIONS would be rendered with the template of the page.
        SpectacularSwaggerSplitView.as_view(
            url_name="api:schema", http_method_names=["get", "head"]
        ),
        name="docs",
    ),
]
unknown_address = re_path(r"^.*$", UnknownAddressView.as_view(), name="unknown_address")
