"""Register the pages of the admin to which messages and calendars link."""

from __future__ import annotations

from compliance.admin import urls
from compliance.delivery.links import Pages, register_pages

register_pages(
    Pages(
        home=urls.home_url,
        deadline=urls.deadline_url,
        deadlines=lambda agreement_id: urls.deadlines_url(agreement_id=agreement_id),
        job_run=lambda run_id: urls.row_url("jobrun", run_id),
        proposal=lambda proposal_id: urls.row_url("proposal", proposal_id),
    )
)
