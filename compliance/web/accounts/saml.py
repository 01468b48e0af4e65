"""The addresses of sign-in with SAML. They exist only if it is configured."""

from __future__ import annotations

from typing import Any

import structlog
from allauth.account.internal.decorators import login_not_required
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.saml.views import ACSView
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

log = structlog.get_logger(__name__)


@method_decorator(csrf_exempt, name="dispatch")
@method_decorator(login_not_required, name="dispatch")
class ReceivingView(ACSView):  # type: ignore[misc]  # allauth has no types
    """Receives a response of the provider, and refuses anything that is not XML.

    allauth answers that with a server error. The decorators are those of its view: the provider
    posts from another site, for somebody who is not signed in.
    """

    def dispatch(self, request: HttpRequest, organization_slug: str) -> Any:
        """Return the response."""
        provider = self.get_provider(organization_slug)
        try:
            text = OneLogin_Saml2_Utils.b64decode(request.POST.get("SAMLResponse", ""))
            OneLogin_Saml2_XML.to_etree(text)
        except (SyntaxError, ValueError) as error:  # lxml's errors are syntax errors
            log.warning("response of the identity provider not read", error=str(error))
            refusal: HttpResponse = render_authentication_error(request, provider)
            return refusal
        return super().dispatch(request, organization_slug)


urlpatterns = [
    path("saml/<str:organization_slug>/acs/", ReceivingView.as_view(), name="saml_acs"),
    path("", include("allauth.socialaccount.providers.saml.urls")),
]
