"""The admin. Each subpackage covers one capability; its modules register their models."""

# Imports by full name: `from … import deadlines` would hide the subpackage of that name.
import compliance.admin.agreements.agreements
import compliance.admin.agreements.imports
import compliance.admin.agreements.obligations
import compliance.admin.agreements.parties
import compliance.admin.alerts.alerts
import compliance.admin.alerts.calendar_feeds
import compliance.admin.alerts.messages
import compliance.admin.alerts.silences
import compliance.admin.alerts.subscriptions
import compliance.admin.alerts.webhooks
import compliance.admin.deadlines.breaches
import compliance.admin.deadlines.deadlines
import compliance.admin.deadlines.facts
import compliance.admin.deadlines.ledger
import compliance.admin.deadlines.positions
import compliance.admin.deadlines.proposals
import compliance.admin.due_dates.calendars
import compliance.admin.evidence.evidence
import compliance.admin.integrity.seals
import compliance.admin.integrity.tombstones
import compliance.admin.message_links
import compliance.admin.people.teams
import compliance.admin.people.tokens
import compliance.admin.people.users
import compliance.admin.site
import compliance.admin.system.audit_entries
import compliance.admin.system.jobs
import compliance.admin.system.outages  # noqa: F401 -- importing registers the models
