"""Measure a page of 100 deadlines, compared with the least that could return it.

`python -m benchmarks.lists [STORED]` fills a temporary database (100k deadlines by default, in the
same way as `benchmarks.questions`) and requests the first page through the whole stack of this
process, with a token. The floor is a view behind the same middleware, authentication and
permissions whose only statement is `json_agg` of the same columns. The peer is a viewset of Django
REST framework with a ModelSerializer and a paginator that counts. Each figure is the median of
several rounds.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from benchmarks import execute, expect, throwaway_database
from benchmarks.questions import fill

ROUNDS = 200
PAGE = 100


def main(stored: int) -> None:
    """Fill the database, measure, and print the results."""
    with throwaway_database():
        fill(stored)
        _measure(stored)


def _measure(stored: int) -> None:
    from django.test import Client, override_settings

    from compliance.models import User
    from compliance.operations.people.tokens import create_token

    desk = User.objects.create_superuser("desk@example.org", "secret")
    token = create_token(name="benchmark", user=desk, is_read_only=True)
    client = Client(headers={"Authorization": f"Bearer {token}", "Host": "localhost"})
    figures: dict[str, float] = {}
    with override_settings(ROOT_URLCONF=_addresses()):
        for name, address in (
            ("ours", "/api/v1/deadlines/"),
            (
                "ours, six fields",
                "/api/v1/deadlines/?fields=id,title,agreement,status,due_on,due_at",
            ),
            ("floor", "/api/floor/"),
            ("peer", "/api/peer/"),
        ):
            for _ in range(20):
                response = client.get(address)
            expect(response.status_code, 200, name)
            found: Any = response.json()
            expect(len(found["results"] if isinstance(found, dict) else found), PAGE, name)
            figures[name] = statistics.median(_timed(client, address) for _ in range(ROUNDS))
    print(f"{stored:,} deadlines, a page of {PAGE}")
    for name, seconds in figures.items():
        print(f"{name:<18} {seconds * 1000:>7.2f} ms   ratio {figures['floor'] / seconds:>5.2f}")
    sys.stdout.flush()


def _timed(client: Any, address: str) -> float:
    began = time.perf_counter()
    client.get(address)
    return time.perf_counter() - began


def _addresses() -> Any:
    """Return the addresses of the service, of the floor and of the peer."""
    from types import ModuleType

    from django.db.models.expressions import RawSQL
    from django.http import HttpResponse
    from django.urls import path
    from rest_framework import serializers, viewsets
    from rest_framework.pagination import PageNumberPagination
    from rest_framework.request import Request

    from compliance.api.views import Views
    from compliance.models import Deadline
    from compliance.models.deadlines.deadlines import NO_DUE
    from compliance.queries import pages
    from compliance.queries.deadlines import deadlines, filters
    from config import urls

    # By any other order than that of the index, both would sort all rows.
    by_due = RawSQL(pages.absent_last("compliance_deadline.due_at", NO_DUE), ())
    statement = f"""
        SELECT json_agg(page)::text FROM (
            SELECT {deadlines.ROW.sql(without=deadlines.PACED)} FROM compliance_deadline AS d
            {deadlines.JOINS} ORDER BY {filters.DUE_ORDER}, d.id LIMIT {PAGE}) AS page
    """

    class Floor(Views):
        permission_models = (Deadline,)

        def list(self, _request: Request) -> HttpResponse:
            [[text]] = execute(statement)
            return HttpResponse(text, content_type="application/json")

    class Row(serializers.ModelSerializer[Deadline]):
        obligation_ref = serializers.CharField(source="obligation.ref")
        agreement = serializers.CharField(source="agreement.ref")
        title = serializers.CharField(source="obligation.title")

        class Meta:
            model = Deadline
            fields = (
                "id", "obligation", "obligation_ref", "agreement", "title", "number", "starts_at",
                "due_on", "due_at", "unmet_at", "earliest_due_at", "is_ambiguous",
                "original_due_at", "timezone", "status", "status_since", "is_closed",
                "is_disputed", "verification", "next_check_at", "target_quantity",
                "performed_quantity", "measured_quantity", "accepted_share",
            )  # fmt: skip

    class Counted(PageNumberPagination):
        page_size = PAGE

    class Peer(viewsets.ReadOnlyModelViewSet[Deadline]):
        permission_models = (Deadline,)
        pagination_class = Counted
        serializer_class = Row
        queryset = Deadline.objects.select_related("obligation", "agreement").order_by(by_due, "id")

        def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
            from compliance.api.views import reader_of_request
            from compliance.models.people.readers import become

            super().initial(request, *args, **kwargs)
            become(reader_of_request(request))

    module: Any = ModuleType("benchmarks.addresses")
    module.urlpatterns = [
        path("api/floor/", Floor.as_view({"get": "list"})),
        path("api/peer/", Peer.as_view({"get": "list"})),
        *urls.urlpatterns,
    ]
    for name in ("handler400", "handler403", "handler404", "handler500"):
        if hasattr(urls, name):
            setattr(module, name, getattr(urls, name))
    sys.modules[module.__name__] = module
    return module.__name__


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
