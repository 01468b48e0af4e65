"""The settings of a test run: those of the service, with the servers of the run.

pytest-django imports this before any conftest, which makes it the one place where the environment
can still be set. The servers are started by `tests/conftest.py`.
"""

import os
import sys

from tests import run_folder

# manage.py, which checks the migrations with these settings, keeps its environment.
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers inherit the environment of the process that started them. Each has its own servers.
    os.environ["VAR_DIR"] += "/" + os.environ["PYTEST_XDIST_WORKER"]
elif "pytest" in sys.modules:
    for _name in (
        "ADMIN_EMAIL", "ADMIN_PASSWORD", "ALLOWED_HOSTS", "CORS_ALLOWED_ORIGINS", "DEBUG",
        "CSRF_TRUSTED_ORIGINS", "DEFAULT_FROM_EMAIL", "DELIVERY_SECONDS", "DELIVERY_WORKERS",
        "API_REQUESTS_PER_MINUTE", "ANONYMOUS_REQUESTS_PER_MINUTE", "TRUSTED_PROXIES",
        "OIDC_ISSUER", "REQUIRE_MFA", "SAML_METADATA_URL", "SSO_GROUPS",
        "EMAIL_URL", "HOST", "PORT", "RECURRENCE_MONTHS", "SEAL_EMAIL", "SECRET_KEY", "SITE_URL",
        "SESSION_DAYS", "SESSION_IDLE_MINUTES", "SWEEP_SECONDS",
    ):  # fmt: skip
        os.environ.pop(_name, None)
    os.environ["VAR_DIR"] = str(run_folder.create())

from config.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "django_migration_linter"]  # noqa: F405

# Each of the thousands of test clients would search all static files again.
WHITENOISE_USE_FINDERS = False

# Many tests sign in at one time and act at another. Those of the limits set their own.
SESSION_IDLE_MINUTES = SESSION_DAYS = 10_000_000

# Few clients send thousands of requests. The tests of the limits set their own.
API_REQUESTS_PER_MINUTE = ANONYMOUS_REQUESTS_PER_MINUTE = 10_000_000

# The real hasher takes a quarter of a second on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
