"""Django settings. Values that differ between machines come from `config.env`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import dj_database_url
import dj_email_url
from corsheaders.defaults import default_headers
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE

from config import addresses, admin_theme, identity_providers, logs
from config.env import BASE_DIR, BadSetting, environment

# Everything that Pacta writes (mails, files, keys, locks) can be read by its own user only.
os.umask(0o077)


def _secret_key() -> str:
    """Return SECRET_KEY, or a key created on first use that only its owner can read."""
    if environment.secret_key:
        return environment.secret_key
    path = environment.var_dir / "secret_key"
    try:
        environment.var_dir.mkdir(parents=True, exist_ok=True)
        # Written under another name and then linked into place: if two processes start at the
        # same time, one of them wins and neither reads a half-written key.
        if not path.exists():
            draft = path.with_name(f"secret_key.{os.getpid()}")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(50))
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text()
    except OSError as error:
        sentence = (
            f"VAR_DIR {environment.var_dir} cannot be written ({error.strerror}): "
            "make it writable, or set VAR_DIR to another folder"
        )
        raise BadSetting(sentence) from None


def _database() -> dict[str, Any]:
    """Return Django's database settings."""
    url = environment.database_url or addresses.embedded_database_url(environment.var_dir)
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(url, conn_health_checks=True))
    except (ValueError, dj_database_url.ParseError):
        parsed = {}
    if parsed.get("ENGINE") != "django.db.backends.postgresql":
        sentence = "DATABASE_URL must look like postgresql://user:password@host:5432/name"
        raise BadSetting(sentence)
    # The same backend, which also tells the database who reads.
    parsed["ENGINE"] = "config.postgresql"
    options: dict[str, Any] = {"connect_timeout": 5, **parsed.get("OPTIONS", {})}
    if not parsed.get("TEST"):
        parsed["TEST"] = {}
    # With one connection per thread, busy web processes would exhaust max_connections.
    # The pool doubles its pauses between connection attempts until `reconnect_timeout`. A short
    # timeout keeps them short, so that the service is back soon after a restart of the database.
    pool = {"min_size": 1, "max_size": 8, "timeout": 5, "reconnect_timeout": 5}
    parsed["OPTIONS"] = {**options, "pool": pool}
    parsed["CONN_MAX_AGE"] = 0
    parsed["CONN_HEALTH_CHECKS"] = True
    return parsed


def _mail() -> dict[str, Any]:
    """Return Django's mail settings. Without EMAIL_URL, emails are written to files."""
    if not environment.email_url:
        return {"EMAIL_BACKEND": "config.mail_files.EmailBackend"}
    try:
        parsed = dj_email_url.parse(environment.email_url)
    except (KeyError, ValueError, AttributeError):
        parsed = {}
    # A URL with an unknown scheme is parsed without complaint, but has no backend.
    if "EMAIL_BACKEND" not in parsed:
        sentence = "EMAIL_URL must look like smtp://user:password@host:587/?tls=True"
        raise BadSetting(sentence)
    names = (
        "EMAIL_BACKEND", "EMAIL_FILE_PATH", "EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER",
        "EMAIL_HOST_PASSWORD", "EMAIL_USE_TLS", "EMAIL_USE_SSL",
    )  # fmt: skip
    return {name: parsed[name] for name in names if name in parsed}


SECRET_KEY = _secret_key()
SECRET_KEY_FALLBACKS = environment.secret_key_fallbacks
DEBUG = environment.debug
ALLOWED_HOSTS = environment.allowed_hosts
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
AUTH_USER_MODEL = "compliance.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
VAR_DIR: Path = environment.var_dir
SITE_URL = environment.site_url

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "pgtrigger",
    "pghistory",
    "corsheaders",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    # Before compliance, whose admin hides their models.
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    *identity_providers.apps(environment),
    "compliance",
    "standalone",  # only for the `up` command; neither config nor compliance imports it
]

MIDDLEWARE = [
    # Around all others, which may still look at the body.
    "compliance.web.head_requests.HeadMiddleware",
    "compliance.web.readers.ReaderMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # After static files, which may be cached.
    "compliance.web.caching.NoStoreMiddleware",
    "compliance.api.conditional.CompressionMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "compliance.web.bad_addresses.BadAddressMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "compliance.web.session_limits.SessionLimitMiddleware",
    "compliance.web.readers.SessionReaderMiddleware",
    # Before the history: noting the use of a token is not a change by its user.
    "compliance.api.rate_limits.RateLimitMiddleware",
    "compliance.api.conditional.ConditionalMiddleware",
    "config.secrecy.HistoryMiddleware",
    "compliance.web.audit_log.AuditMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "compliance.web.accounts.second_factors.SecondFactorMiddleware",
    "compliance.web.contention.ContentionMiddleware",
    "compliance.web.work_limit.WorkLimitMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Ours replace those of django-allauth.
        "DIRS": [BASE_DIR / "compliance" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": _database()}
# In the database, so that a code that one process has accepted is used up in all of them.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "compliance_cache",
    }
}

# Instants are stored and computed in UTC, and shown in the zone of the reader.
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False
FORMAT_MODULE_PATH = "config.formats"

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# --- Mail -----------------------------------------------------------------------------------
globals().update(_mail())
DEFAULT_FROM_EMAIL = environment.default_from_email
SERVER_EMAIL = environment.default_from_email
# The address that receives each daily seal, so that a copy exists outside this database.
SEAL_EMAIL = environment.seal_email
EMAIL_TIMEOUT = 20
# Rate limits: for all mail together, and for each webhook. 0 means unlimited.
MAILS_PER_MINUTE = environment.mails_per_minute
WEBHOOK_CALLS_PER_MINUTE = environment.webhook_calls_per_minute
# Requested every minute while everything works, so that a monitor notices when that stops.
HEARTBEAT_URL = environment.heartbeat_url
# For development: allows receivers on this machine and without TLS.
WEBHOOKS_MAY_BE_PRIVATE = environment.webhooks_may_be_private

# --- People and tokens ----------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
# The first one hashes new passwords; passwords in other formats are hashed again at sign-in.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
] + [{"NAME": "config.passwords.ContextWordsValidator"}]
LOGIN_URL = LOGOUT_REDIRECT_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"  # when the login page was opened without `next`
ACCOUNT_ADAPTER = "compliance.web.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
# Administrators enter the addresses, and password links are mailed to them.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_SESSION_REMEMBER = True
# Pacta counts attempts itself, in the database, which all processes share.
ACCOUNT_RATE_LIMITS = MFA_RATE_LIMITS = False
ACCOUNT_FORMS = {
    "login": "compliance.web.accounts.forms.LoginForm",
    "reset_password": "compliance.web.accounts.forms.PasswordLinkForm",
    "change_password": "compliance.web.accounts.forms.ChangePasswordForm",
    "reauthenticate": "compliance.web.accounts.forms.ConfirmPasswordForm",
}
MFA_ADAPTER = "compliance.web.accounts.adapter.MFAAdapter"
MFA_FORMS = {
    "activate_totp": "compliance.web.accounts.forms.AuthenticatorAppForm",
    "add_webauthn": "compliance.web.accounts.forms.PasskeyForm",
    "authenticate": "compliance.web.accounts.forms.AuthenticateForm",
    "reauthenticate": "compliance.web.accounts.forms.ReauthenticateForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Pacta"
MFA_TOTP_TOLERANCE = 1  # codes before and after the current one, for clocks that differ
# Browsers treat this machine as secure without TLS.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not environment.site_url.startswith("https://")
SOCIALACCOUNT_ADAPTER = "compliance.web.accounts.identity_providers.IdentityAdapter"
SOCIALACCOUNT_PROVIDERS = identity_providers.providers(environment)
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False  # our adapter finds the account itself
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = identity_providers.TIMEOUT_SECONDS
SSO_GROUPS = environment.sso_groups
SSO_GROUPS_CLAIM = environment.sso_groups_claim
# The roles whose members must have a second factor.
REQUIRE_MFA = environment.require_mfa

# --- Web ------------------------------------------------------------------------------------
SESSION_ENGINE = "compliance.web.browser_sessions"
SESSION_COOKIE_HTTPONLY = True
# See compliance.web.session_limits. The cookie lives longer than any session.
SESSION_IDLE_MINUTES = environment.session_idle_minutes
SESSION_DAYS = environment.session_days
SESSION_COOKIE_AGE = (SESSION_DAYS + 1) * 24 * 60 * 60
_is_https = environment.site_url.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
# With this prefix, browsers refuse the cookie from other hosts of the domain and without TLS.
COOKIE_PREFIX = "__Host-" if _is_https else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
# Not in a cookie of their own, which browsers would keep.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _is_https else None
SECURE_HSTS_SECONDS = 31_536_000 if _is_https else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    # Whether HSTS covers subdomains and the preload list is up to the owner of the domain.
    "security.W005",
    "security.W021",
    "security.W008",  # the proxy that terminates TLS redirects to HTTPS
]
CSRF_TRUSTED_ORIGINS = environment.csrf_trusted_origins
# The proxies whose `X-Forwarded-For` is believed; see `config.client_addresses`.
TRUSTED_PROXIES = environment.trusted_proxies
PGHISTORY_APPEND_ONLY = True
CORS_ALLOWED_ORIGINS = environment.cors_allowed_origins
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = [*default_headers, "if-none-match", "prefer", "x-request-id"]
CORS_EXPOSE_HEADERS = [
    "Content-Disposition", "Deprecation", "ETag", "Link", "Location",
    "Preference-Applied", "RateLimit",
    "RateLimit-Policy", "Retry-After", "Sunset",
]  # fmt: skip
# The most API requests per minute: of each token and signed-in user, and of each address from which
# requests come without a valid token. The latter also limits, on its own, requests for the account
# pages by people who are not signed in.
API_REQUESTS_PER_MINUTE = environment.api_requests_per_minute
ANONYMOUS_REQUESTS_PER_MINUTE = environment.anonymous_requests_per_minute
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        # The admin theme evaluates Alpine.js expressions. Inline scripts stay forbidden, so an
        # injected script does not run.
        "script-src": [SELF, UNSAFE_EVAL],
        # The theme writes its colours into each page; htmx, simplebar and the charts set styles.
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
# The processor time in seconds after which the computations of a request are ended.
REQUEST_SECONDS = environment.request_seconds
IMPORT_SECONDS = environment.import_seconds
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

# Files attached as evidence.
FILES_DIR: Path = environment.files_dir
LARGEST_FILE = environment.max_file_mb * 2**20
FILE_UPLOAD_HANDLERS = [
    "config.uploads.BoundedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "compliance.api.authentication.BearerAuthentication",
        "compliance.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["compliance.api.permissions.ModelPermissions"],
    "DEFAULT_PARSER_CLASSES": ["compliance.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["compliance.api.renderers.ORJSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "compliance.api.renderers.ContentNegotiation",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "compliance.api.problems.problem_response",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Pacta",
    "DESCRIPTION": "Tracks whether agreements are kept.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Requests and responses use different schemas already (drafts and rows).
    "COMPONENT_SPLIT_REQUEST": False,
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "POSTPROCESSING_HOOKS": [
        "compliance.api.openapi.correct",
        "compliance.api.openapi_responses.describe_responses",
        "compliance.api.openapi_descriptions.describe_fields",
        "compliance.api.openapi_links.describe_links",
        "compliance.api.openapi_examples.add_examples",
        "compliance.api.openapi_lists.describe_lists",
    ],
    "PATH_CONVERTER_OVERRIDES": {
        "id": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
        "agreement_ref": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,63}$"},
        "team_slug": {"type": "string", "pattern": "^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"},
        "party_code": {"type": "string", "pattern": "^[A-Z0-9][A-Z0-9_-]{0,31}$"},
    },
}

# --- Celery: it only sends ticks; deadlines live in PostgreSQL ------------------------------
BROKER_URL = environment.redis_url or addresses.embedded_broker_url(environment.var_dir)
SWEEP_SECONDS = environment.sweep_seconds
# How far ahead the deadlines of a recurring obligation are created.
RECURRENCE_HORIZON_MONTHS = environment.recurrence_months
DELIVERY_SECONDS = environment.delivery_seconds

# --- Logs and admin -------------------------------------------------------------------------
LOGGING = logs.with_audit_log(environment.audit_log)
# Whether the audit log is also written as log lines.
AUDIT_LOG = environment.audit_log is not None
UNFOLD = admin_theme.UNFOLD
