"""The addresses of sign-in with SAML. They exist only if it is configured."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

import structlog
from allauth.account.internal.decorators import login_not_required
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.saml import views
from allauth.socialaccount.providers.saml.utils import (
    build_auth,
    build_saml_config,
    fetch_metadata_url_config,
    get_app_or_404,
)
from allauth.socialaccount.sessions import LoginSession
from cryptography.x509 import load_pem_x509_certificate
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from onelogin.saml2.constants import OneLogin_Saml2_Constants
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from compliance.web.accounts.outages import reaching

log = structlog.get_logger(__name__)

# A response with hundreds of groups has some 50 KB. allauth stores the whole form.
_MAX_FORM_CHARACTERS = 256 * 1024
# The browser comes back with its session cookie at once: the form was posted by another site.
_KEPT_SECONDS = 10 * 60
# The errors of lxml are syntax errors.
_BAD_RESPONSES = (SyntaxError, ValueError, OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError)
_RESPONSE = f"{{{OneLogin_Saml2_Constants.NS_SAMLP}}}Response"


def with_metadata(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Fetch the metadata of the provider, which are kept for hours, before a view needs them."""

    @wraps(view)
    def wrapped(request: HttpRequest, organization_slug: str) -> HttpResponse:
        app = get_app_or_404(request, organization_slug)
        # python3-saml raises plain exceptions, and whatever the connection raises.
        with reaching(request, "saml", failures=Exception):
            _check_metadata(request, app.settings, organization_slug)
        return view(request, organization_slug=organization_slug)

    return wrapped


def _check_metadata(request: HttpRequest, options: dict[str, Any], slug: str) -> None:
    """Check that people can sign in with what the metadata of the provider say.

    Raises:
        Exception: they cannot be read, or lack the provider, its address or its certificate. Then
            they are not kept: the next request reads them again.
    """
    provider = options["idp"]
    try:
        found = fetch_metadata_url_config(provider).get("idp")
        if not found:
            raise ValueError("the metadata do not contain the provider of SAML_ENTITY_ID")
        OneLogin_Saml2_Settings(build_saml_config(request, options, slug))
        for each in _certificates(found):
            load_pem_x509_certificate(OneLogin_Saml2_Utils.format_cert(each).encode())
    except Exception:
        # allauth keeps for hours whatever it has read.
        cache.delete(f"saml.metadata.{provider['metadata_url']}.{provider['entity_id']}")
        raise


def _certificates(provider: dict[str, Any]) -> list[str]:
    several = provider.get("x509certMulti", {}).get("signing", [])
    found = [*several, provider["x509cert"]] if "x509cert" in provider else several
    if not found:
        raise ValueError("the metadata contain no certificate for signatures")
    return list(found)


@method_decorator(csrf_exempt, name="dispatch")
@method_decorator(login_not_required, name="dispatch")
@method_decorator(require_POST, name="dispatch")
class ReceivingView(views.ACSView):  # type: ignore[misc]  # untyped base of allauth
    """Receives a response of the provider, and refuses what cannot be one.

    allauth would store anything, from anybody, for days, and fail on what is not XML. So the
    response is checked here, and again when the browser comes back: only then is it known whether
    this browser has asked for it. The decorators are those of allauth's view: the provider posts
    from another site, for somebody who is not signed in.
    """

    def dispatch(self, request: HttpRequest, organization_slug: str) -> Any:
        """Return the response."""
        provider = self.get_provider(organization_slug)
        try:
            _check(request)
            _check_signature(request, provider)
        except _BAD_RESPONSES as error:
            log.warning("response of the identity provider not read", error=str(error))
            refusal: HttpResponse = render_authentication_error(request, provider)
            return refusal
        # allauth uses the session that it finds in the request.
        kept = LoginSession(request, "saml_acs_session", "saml-acs-session")
        kept.store.set_expiry(_KEPT_SECONDS)
        kept.store.most_characters = 2 * _MAX_FORM_CHARACTERS
        return super().dispatch(request, organization_slug)


def _check_signature(request: HttpRequest, provider: Any) -> None:
    """Check that the provider has signed the response, for Pacta and for now.

    Raises:
        ValueError: it has not, or it signs nobody in.
    """
    auth = build_auth(request, provider)
    auth.process_response()
    if auth.get_errors():
        raise ValueError(auth.get_last_error_reason() or ", ".join(auth.get_errors()))


def _check(request: HttpRequest) -> None:
    """Check that a form contains a response to a request.

    Raises:
        SyntaxError: it contains no XML.
        ValueError: it is too long, contains no Base64 or another document, or nobody asked for it.
    """
    if len(request.POST.urlencode()) > _MAX_FORM_CHARACTERS:
        raise ValueError("the form is too long")
    text = OneLogin_Saml2_Utils.b64decode(request.POST.get("SAMLResponse", ""))
    root = OneLogin_Saml2_XML.to_etree(text)
    if root.tag != _RESPONSE:
        raise ValueError("the document is no response")
    if not root.get("InResponseTo"):
        raise ValueError("nobody asked for the response")


@method_decorator(login_not_required, name="dispatch")
class MetadataView(views.MetadataView):  # type: ignore[misc]  # untyped base of allauth
    """Shows what providers need to know about Pacta, without single logout."""

    def dispatch(self, request: HttpRequest, organization_slug: str) -> HttpResponse:
        """Return the response."""
        app = self.get_app(organization_slug)
        config = build_saml_config(request, app.settings, organization_slug)
        del config["sp"]["singleLogoutService"]
        service = OneLogin_Saml2_Settings(settings=config, sp_validation_only=True)
        return HttpResponse(service.get_sp_metadata(), content_type="text/xml")


@csrf_exempt
def no_logout(_request: HttpRequest, **_: str) -> NoReturn:
    """Answer 404: Pacta offers no single logout. allauth asks for the name of the address.

    allauth's view obeys unsigned messages: anybody could sign people out, and send them anywhere.
    """
    raise Http404


_HERE = "saml/<str:organization_slug>"
# Not allauth's list, which may grow.
urlpatterns = [
    path(f"{_HERE}/acs/", with_metadata(ReceivingView.as_view()), name="saml_acs"),
    path(f"{_HERE}/acs/finish/", with_metadata(views.finish_acs), name="saml_finish_acs"),
    path(f"{_HERE}/metadata/", with_metadata(MetadataView.as_view()), name="saml_metadata"),
    path(f"{_HERE}/login/", with_metadata(views.login), name="saml_login"),
    path(f"{_HERE}/sls/", no_logout, name="saml_sls"),
]
