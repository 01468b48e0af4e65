"""A real browser and a real server. No page may log an error to the browser's console."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from compliance.models import User

PASSWORD = "correct-horse-battery"
_CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The Chromium installed on the system."""
    if _CHROMIUM is None:
        pytest.skip("There is no Chromium on this system.")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright runs an event loop in this thread, where Django refuses to run queries.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def desk(transactional_db: None) -> User:
    """A superuser."""
    return User.objects.create_superuser("desk@example.org", PASSWORD)


def sign_in(page: Page) -> None:
    """Fill in and send the sign-in page."""
    page.get_by_label("Email").fill("desk@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.fixture
def page(chromium: Browser, desk: User, live_server: LiveServer) -> Iterator[Page]:
    """The overview page, opened through the login form."""
    context = chromium.new_context(
        base_url=live_server.url, viewport={"width": 1280, "height": 900}
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/admin/")
    sign_in(page)
    page.wait_for_url("**/admin/")
    yield page
    context.close()
    # The console also reports blocked scripts and styles.
    assert not complaints
