"""A real OpenID Connect provider, django-allauth's, in a process of its own.

`python -m tests.web.oidc_provider FOLDER CALLBACK` prints its address. It issues tokens for the
person that `/log-in/?person=...` names, with the claims in `FOLDER/claims.json`, which the tests
change.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

CLIENT, SECRET = "pacta", "the secret of the client"


def configure(folder: Path) -> None:
    """Set up Django for the provider, with a database in the folder."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    settings.configure(
        SECRET_KEY="only-for-this-test",
        ALLOWED_HOSTS=["*"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "db.sqlite3")}
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "allauth",
            "allauth.account",
            "allauth.idp.oidc",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "allauth.account.middleware.AccountMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            }
        ],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        IDP_OIDC_ADAPTER=f"{__name__}.adapter",
        IDP_OIDC_PRIVATE_KEY=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )
    django.setup()


def adapter() -> Any:
    """Return the adapter, which adds the claims of the file."""
    from allauth.idp.oidc.adapter import DefaultOIDCAdapter

    class Adapter(DefaultOIDCAdapter):
        def get_claims(self, purpose: str, user: Any, client: Any, scopes: Any, **_: Any) -> Any:
            claims = json.loads((Path(sys.argv[1]) / "claims.json").read_text())
            return {"sub": user.username, **claims[user.username]}

    return Adapter()


def serve(callback: str) -> None:
    """Create the client and the people, print the address, and serve until killed."""
    import waitress
    from allauth.idp.oidc.models import Client
    from django.contrib.auth import login
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpRequest, HttpResponse
    from django.urls import include, path

    call_command("migrate", verbosity=0)
    client = Client(
        id=CLIENT,
        name="Pacta",
        scopes="openid\nprofile\nemail",
        redirect_uris=callback,
        skip_consent=True,
    )
    client.set_secret(SECRET)
    client.save()

    def log_in(request: HttpRequest) -> HttpResponse:
        person: Any
        person, _ = User.objects.get_or_create(username=request.GET["person"])
        login(request, person, backend="django.contrib.auth.backends.ModelBackend")
        return HttpResponse("ok")

    globals()["urlpatterns"] = [
        path("log-in/", log_in),
        path("account/", include("allauth.account.urls")),
        path("", include("allauth.idp.urls")),
    ]
    server = waitress.create_server(get_wsgi_application(), host="127.0.0.1", port=0, threads=2)
    print(f"http://127.0.0.1:{server.effective_port}", flush=True)
    server.run()


if __name__ == "__main__":
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    sys.modules["tests.web.oidc_provider"] = sys.modules["__main__"]
    __name__ = "tests.web.oidc_provider"
    configure(Path(sys.argv[1]))
    serve(sys.argv[2])
