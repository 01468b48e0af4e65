"""Who may do what: one rule for each URL of the service.

`RULES` is the specification. `tests/permissions/test_matrix.py` computes the expected answer of
each request from it, and fails for a URL that has no rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum


class Who(IntEnum):
    """The least right that a request needs. Each value includes the ones above it."""

    EVERYONE = 0
    VIEWER = 1
    ANALYST = 2
    REVIEWER = 3
    ADMINISTRATOR = 4
    NOBODY = 5
    """The method is not supported, or the page exists only because Django adds it."""


EVERYONE, VIEWER, ANALYST, REVIEWER, ADMINISTRATOR, NOBODY = Who


class Scope(IntEnum):
    """For whom an object exists."""

    ALL = 0
    """For everybody who may read such objects."""
    TEAM = 1
    """For the teams of its agreement, and for administrators."""
    OWNER = 2
    """For its owner, and for administrators."""
    OWNER_ONLY = 3
    """For its owner."""
    ADMINISTRATORS = 4
    """For administrators."""


SCOPES = {
    "": Scope.ALL,
    "party": Scope.ALL, "seal": Scope.ALL, "customcalendar": Scope.ALL, "outage": Scope.ALL,
    "team": Scope.ALL, "user": Scope.ALL, "group": Scope.ALL, "auditentry": Scope.ALL,
    "agreement": Scope.TEAM, "obligation": Scope.TEAM, "deadline": Scope.TEAM,
    "fact": Scope.TEAM, "proposal": Scope.TEAM, "evidence": Scope.TEAM, "position": Scope.TEAM,
    "breach": Scope.TEAM, "alert": Scope.TEAM, "message": Scope.TEAM, "silence": Scope.TEAM,
    "importbatch": Scope.TEAM, "ledgerentry": Scope.TEAM, "determination": Scope.TEAM,
    "subscription": Scope.OWNER, "webhook": Scope.OWNER, "apitoken": Scope.OWNER,
    "calendarfeed": Scope.OWNER_ONLY,
    "tombstone": Scope.ADMINISTRATORS, "jobrun": Scope.ADMINISTRATORS,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Who may send which methods to a URL."""

    about: str = ""
    """The kind of object in the URL, a key of `SCOPES`."""
    get: Who = NOBODY
    post: Who = NOBODY
    patch: Who = NOBODY
    delete: Who = NOBODY
    only_reads: bool = False
    """Whether a POST stores nothing, so that read-only tokens may send it."""
    by_owner: bool = False
    """Whether administrators see the objects of others, but only their owners may do this."""
    within: str = ""
    """The methods that tokens restricted to teams or agreements may use."""

    def who(self, method: str) -> Who:
        """Return who may use a method."""
        if method in {"GET", "HEAD"}:
            return self.get
        found: Who = getattr(self, method.lower(), NOBODY)
        return found


V, A, R, D, X = VIEWER, ANALYST, REVIEWER, ADMINISTRATOR, NOBODY
_READ, _BOTH, _NONE = "GET", "GET POST PATCH", ""

# URL name, kind of object, GET, POST, PATCH, DELETE, methods of restricted tokens
_API = (
    ("root",                 "",              EVERYONE, X, X, X, _READ),
    ("schema",               "",              EVERYONE, X, X, X, _READ),
    ("docs",                 "",              EVERYONE, X, X, X, _READ),
    ("document-schema",      "",              EVERYONE, X, X, X, _READ),
    ("parties",              "",              V, A, X, X, _READ),
    ("parties-row",          "party",         V, X, A, X, _READ),
    ("party-retire",         "party",         X, A, X, X, _NONE),
    ("party-restore",        "party",         X, A, X, X, _NONE),
    ("party-merge",          "party",         X, D, X, X, _NONE),
    ("import",               "",              X, A, X, X, _NONE),
    ("agreements",           "",              V, A, X, X, _READ),
    ("agreements-row",       "agreement",     V, X, A, X, _BOTH),
    ("archive",              "agreement",     X, A, X, X, _BOTH),
    ("restore",              "agreement",     X, A, X, X, _BOTH),
    ("purge",                "agreement",     X, D, X, X, _NONE),
    ("imports",              "",              V, X, X, X, _NONE),
    ("imports-row",          "importbatch",   V, X, X, X, _NONE),
    ("import-purge",         "importbatch",   X, D, X, X, _NONE),
    ("obligations",          "",              V, A, X, X, _BOTH),
    ("obligations-row",      "obligation",    V, X, A, X, _BOTH),
    ("consequences",         "obligation",    V, X, X, X, _BOTH),
    ("deadlines",            "",              V, X, X, X, _BOTH),
    ("deadlines-row",        "deadline",      V, X, X, X, _BOTH),
    ("timeline",             "deadline",      V, X, X, X, _BOTH),
    ("history",              "deadline",      V, X, X, X, _BOTH),
    ("why",                  "deadline",      V, X, X, X, _BOTH),
    ("what-if",              "deadline",      X, V, X, X, _BOTH),
    ("facts",                "",              V, A, X, X, _BOTH),
    ("facts-row",            "fact",          V, X, X, X, _BOTH),
    ("determinations",       "",              V, A, X, X, _BOTH),
    ("determinations-row",   "determination", V, X, X, X, _BOTH),
    ("proposals",            "",              V, X, X, X, _BOTH),
    ("proposals-row",        "proposal",      V, X, X, X, _BOTH),
    ("proposal-approve",     "proposal",      X, R, X, X, _BOTH),
    ("proposal-reject",      "proposal",      X, R, X, X, _BOTH),
    ("evidence",             "",              V, A, X, X, _BOTH),
    ("evidence-row",         "evidence",      V, X, X, X, _BOTH),
    ("files",                "evidence",      V, A, X, X, _BOTH),
    ("file",                 "evidence",      V, X, X, X, _BOTH),
    ("positions",            "",              V, A, X, X, _BOTH),
    ("positions-row",        "position",      V, X, X, X, _BOTH),
    ("breaches",             "",              V, X, X, X, _BOTH),
    ("breaches-row",         "breach",        V, X, X, X, _BOTH),
    ("breach-acknowledge",   "breach",        X, A, X, X, _BOTH),
    ("alerts",               "",              V, X, X, X, _BOTH),
    ("alerts-row",           "alert",         V, X, X, X, _BOTH),
    ("alert-attempts",       "alert",         V, X, X, X, _BOTH),
    ("alert-redeliver",      "alert",         X, A, X, X, _NONE),
    ("subscriptions",        "",              V, A, X, X, _NONE),
    ("subscriptions-row",    "subscription",  V, X, A, X, _NONE),
    ("webhooks",             "",              V, D, X, X, _NONE),
    ("webhooks-row",         "webhook",       V, X, D, X, _NONE),
    ("rotate",               "webhook",       X, D, X, X, _NONE),
    ("calendar-feeds",       "",              V, V, X, X, _NONE),
    ("calendar-feeds-row",   "calendarfeed",  V, X, X, X, _NONE),
    ("calendar-feed-revoke", "calendarfeed",  X, V, X, X, _NONE),
    ("silences",             "",              V, A, X, X, _BOTH),
    ("silences-row",         "silence",       V, X, X, X, _BOTH),
    ("silence-end",          "silence",       X, A, X, X, _BOTH),
    ("due-rules-preview",    "",              X, V, X, X, _BOTH),
    ("summary",              "",              V, X, X, X, _BOTH),
    ("trend",                "",              V, X, X, X, _BOTH),
    ("upcoming",             "",              V, X, X, X, _BOTH),
    ("reciprocity",          "",              V, X, X, X, _BOTH),
    ("seals",                "",              V, X, X, X, _NONE),
    ("seals-row",            "seal",          V, X, X, X, _NONE),
    ("user-close",           "user",          X, D, X, X, _NONE),
    ("audit",                "",              D, X, X, X, _NONE),
    ("tombstones",           "",              V, X, X, X, _NONE),
    ("tombstones-row",       "tombstone",     V, X, X, X, _NONE),
    ("tombstone-rows",       "tombstone",     V, X, X, X, _NONE),
    ("users-me",             "",              V, X, X, X, _READ),
    ("users",                "",              D, D, X, X, _NONE),
    ("users-row",            "user",          D, X, D, X, _NONE),
    ("invite",               "user",          X, D, X, X, _NONE),
    ("teams",                "",              D, D, X, X, _NONE),
    ("teams-row",            "team",          D, X, D, X, _NONE),
    ("tokens",               "",              V, V, X, X, _NONE),
    ("tokens-row",           "apitoken",      V, X, X, V, _NONE),
    ("token-rotate",         "apitoken",      X, V, X, X, _NONE),
    ("changes-between",      "",              V, X, X, X, _BOTH),
    ("changes",              "",              V, X, X, X, _BOTH),
)  # fmt: skip

# These POST requests store nothing.
_ONLY_READ = frozenset({"what-if", "due-rules-preview"})

# Only the user of a token receives its new key.
_BY_OWNER = frozenset({"token-rotate"})

# Model, who may view, add, change and delete its rows in the admin
_MODELS = (
    ("party",          V, A, A, X),
    ("agreement",      V, A, A, X),
    ("importbatch",    V, X, X, X),
    ("obligation",     V, X, X, X),
    ("deadline",       V, X, X, X),
    ("fact",           V, X, X, X),
    ("breach",         V, X, X, X),
    ("position",       V, X, X, X),
    ("evidence",       V, A, X, X),
    ("ledgerentry",    V, X, X, X),
    ("proposal",       V, X, X, X),
    ("alert",          V, X, X, X),
    ("message",        V, X, X, X),
    ("subscription",   V, A, A, X),
    ("webhook",        V, D, D, X),
    ("silence",        V, A, X, X),
    ("calendarfeed",   V, V, X, X),
    ("customcalendar", V, A, A, X),
    ("seal",           V, X, X, X),
    ("tombstone",      V, X, X, X),
    ("apitoken",       V, V, X, X),
    ("user",           D, D, D, X),
    ("team",           D, D, D, X),
    ("group",          X, X, X, X),
    ("auditentry",     D, X, X, X),
    ("jobrun",         V, X, X, X),
    ("outage",         V, X, X, X),
)  # fmt: skip

# Buttons of the pages of a model: name in the URL name, and who may use it
_BUTTONS = (
    ("party",        A, "retire_party restore_party"),
    ("party",        D, "merge_party"),
    ("agreement",    V, "deadlines"),
    ("agreement",    A, "suspend_agreement terminate_agreement retract_agreement_fact"),
    ("agreement",    A, "archive_agreement restore_agreement"),
    ("agreement",    D, "purge_agreement"),
    ("importbatch",  D, "purge_import"),
    ("obligation",   V, "deadlines"),
    ("obligation",   A, "change_in_agreement"),
    ("message",      A, "send_again"),
    ("calendarfeed", V, "revoke"),
    ("silence",      A, "end_now"),
    ("subscription", V, "preview"),
    ("subscription", A, "send_test"),
    ("webhook",      D, "rotate"),
    ("breach",       A, "acknowledge"),
    ("deadline",     A, "acknowledge silence state_position add_evidence"),
    ("deadline",     A, "record_performance record_violation record_measurement record_trigger"),
    ("deadline",     A, "record_extension record_determination record_waiver replace_obligation"),
    ("deadline",     A, "suspend_deadline restate_target retract_fact cancel_deadline"),
    ("proposal",     R, "approve"),
    ("proposal",     A, "reject"),
    ("apitoken",     V, "rotate revoke"),
    ("user",         D, "send_password_link remove_second_factors close_account"),
)  # fmt: skip

# Buttons that some objects do not have: an agreement that is not archived is not restored.
OF_SOME = frozenset({
    "admin:compliance_agreement_restore_agreement",
    "admin:compliance_deadline_record_violation", "admin:compliance_deadline_record_trigger",
})  # fmt: skip

# Pages of the admin that belong to no model. A list ignores a POST without an action.
_ADMIN = (
    ("index",                V, V),
    ("search",               V, V),
    ("login",                EVERYONE, EVERYONE),
    ("logout",               X, V),
    ("password_change",      V, V),
    ("password_change_done", V, X),
    ("autocomplete",         V, X),
    ("jsi18n",               V, X),
    ("app_list",             V, V),
    ("compliance_obligation_preview", X, V),
    ("compliance_obligation_responsible", V, X),
)  # fmt: skip

# Pages that show nothing about agreements, or only with a secret in the URL. A wrong secret is
# answered like one that never existed.
PAGES = frozenset({
    "", "healthz", "readyz", "metrics",
    "acknowledge", "unsubscribe", "calendar_feed", "password-set", "password-link",
    "account_login", "account_inactive", "account_reset_password", "account_reset_password_done",
    "mfa_authenticate", "mfa_login_webauthn", "account_address_confirm",
    "socialaccount_login_cancelled", "socialaccount_login_error",
    "openid_connect_login", "openid_connect_callback",
    "unknown_address", "admin:view_on_site",
})  # fmt: skip

# Pages about the account of whoever is signed in, and of nobody else.
OWN_PAGES = frozenset({
    "account_logout", "account_reauthenticate", "account_change_password", "account_address",
    "usersessions_list",
    "mfa_index", "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp",
    "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes",
    "mfa_list_webauthn", "mfa_add_webauthn", "mfa_reauthenticate_webauthn",
    "mfa_remove_webauthn", "mfa_edit_webauthn",
})  # fmt: skip


def _api_rules() -> Iterator[tuple[str, Rule]]:
    for name, about, get, post, patch, delete, within in _API:
        yield f"api:{name}", Rule(
            about=about, get=get, post=post, patch=patch, delete=delete,
            within=within, only_reads=name in _ONLY_READ, by_owner=name in _BY_OWNER,
        )  # fmt: skip


def _admin_rules() -> Iterator[tuple[str, Rule]]:
    for page, get, post in _ADMIN:
        yield f"admin:{page}", Rule(get=get, post=post)
    for model, view, add, change, delete in _MODELS:
        prefix = f"admin:{'auth' if model == 'group' else 'compliance'}_{model}"
        yield f"{prefix}_changelist", Rule(get=view, post=view)
        yield f"{prefix}_add", Rule(get=add, post=add)
        yield f"{prefix}_change", Rule(about=model, get=view, post=change)
        yield f"{prefix}_delete", Rule(about=model, get=delete, post=delete)
        yield f"{prefix}_history", Rule(about=model, get=view, post=view)
    yield "admin:auth_user_password_change", Rule(about="user", get=NOBODY, post=NOBODY)
    for model, who, names in _BUTTONS:
        for name in names.split():
            yield f"admin:compliance_{model}_{name}", Rule(
                about=model, get=who, post=who,
                by_owner=(model, name) == ("apitoken", "rotate"),
            )  # fmt: skip


API = dict(_api_rules())
ADMIN = dict(_admin_rules())
RULES = API | ADMIN
