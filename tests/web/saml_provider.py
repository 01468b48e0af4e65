"""A real SAML identity provider, pysaml2's, with its metadata behind an HTTP server."""

from __future__ import annotations

import http.server
import shutil
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

# pysaml2 has no types.
from saml2 import BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

URI = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
PASSWORD = {"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"}


class Provider:
    """Issues responses about people.

    Attributes:
        entity_id: its name, which is also the address of its metadata.
    """

    def __init__(self, folder: Path, address: str) -> None:
        self.entity_id = f"{address}/metadata"
        self._folder, self._address = folder, address
        _create_key(folder)
        self.metadata = str(entity_descriptor(self._config([])))

    def _config(self, services: list[str]) -> Any:
        return IdPConfig().load(
            {
                "entityid": self.entity_id,
                "xmlsec_binary": shutil.which("xmlsec1"),
                "key_file": str(self._folder / "key.pem"),
                "cert_file": str(self._folder / "certificate.pem"),
                "metadata": {"inline": services},
                "service": {
                    "idp": {
                        "endpoints": {
                            "single_sign_on_service": [
                                (f"{self._address}/sso", BINDING_HTTP_REDIRECT)
                            ]
                        },
                        "policy": {"default": {"lifetime": {"minutes": 15}, "name_form": URI}},
                    }
                },
            }
        )

    def respond(self, request_url: str, service: str, person: str, **options: Any) -> str:
        """Return the response to the request in a URL, as its form field.

        Args:
            service: the metadata of the service.
            options: `values` are further attributes, `audience` and `in_response_to` replace those
                of the request, and everything else is an option of pysaml2.
        """
        server = Server(config=self._config([service]))
        [sent] = parse_qs(urlsplit(request_url).query)["SAMLRequest"]
        request = server.parse_authn_request(sent, BINDING_HTTP_REDIRECT).message
        values = {"mail": [f"{person}@example.org"], "givenName": [person.title()]}
        signing = {
            "sign_assertion": True,
            "sign_response": False,
            "sign_alg": SIG_RSA_SHA256,
            "digest_alg": DIGEST_SHA256,
        }
        text = server.create_authn_response(
            values | options.pop("values", {}),
            options.pop("in_response_to", request.id),
            request.assertion_consumer_service_url,
            options.pop("audience", request.issuer.text),
            name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text=f"id-of-{person}"),
            authn=PASSWORD,
            **signing | options,
        )
        return b64encode(str(text).encode()).decode()


@contextmanager
def running(folder: Path) -> Iterator[Provider]:
    """Run a provider, whose metadata can be fetched."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/samlmetadata+xml")
            self.end_headers()
            self.wfile.write(provider.metadata.encode())

        def log_message(self, *_: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Provider(folder, f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


def _create_key(folder: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider")])
    now = datetime.now(tz=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
