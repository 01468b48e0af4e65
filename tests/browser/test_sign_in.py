"""Signing in with a code, a passkey and a recovery code, in a browser."""

from __future__ import annotations

import re
import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from compliance.models import User
from tests.browser.conftest import sign_in

pytestmark = pytest.mark.browser


def code_of(secret: str, *, steps: int = 0) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps)))


def sign_out(page: Page) -> None:
    page.goto("/account/2fa/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/account/login/")


def test_people_sign_in_with_a_code_a_passkey_and_a_recovery_code(page: Page) -> None:
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})

    page.goto("/account/2fa/totp/activate/")
    secret = page.locator("#authenticator_secret").input_value()
    page.locator("#id_code").fill(code_of(secret, steps=-1))
    page.get_by_role("button", name="Set up").click()
    page.wait_for_url("**/recovery-codes/")
    recovery = re.findall(r"\b\d{8}\b", page.content())[0]

    page.goto("/account/2fa/webauthn/add/")
    page.get_by_label("Sign in without a password").check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**/account/2fa/")
    expect(page.get_by_text("You have added 1 passkey.")).to_be_visible()

    sign_out(page)
    sign_in(page)
    page.wait_for_url("**/2fa/authenticate/")
    page.locator("#id_code").fill(code_of(secret))
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/admin/")

    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/admin/")

    sign_out(page)
    sign_in(page)
    page.locator("#id_code").fill(recovery)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/admin/")


PAGES = ("/account/2fa/", "/account/sessions/", "/account/email/", "/account/password/change/")


def test_account_pages_fit_without_javascript(
    chromium: Browser, desk: User, live_server: LiveServer
) -> None:
    for width, scheme in ((390, "dark"), (1440, "light")):
        context = chromium.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": 900},
            java_script_enabled=False,
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page = context.new_page()
        page.goto("/account/login/")
        expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
        assert_fits(page, width)
        sign_in(page)
        for path in PAGES:
            page.goto(path)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert_fits(page, width)
        context.close()


def assert_fits(page: Page, width: int) -> None:
    box = page.locator("main").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
