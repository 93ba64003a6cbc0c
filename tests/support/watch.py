"""What a page did wrong in the browser: refused by the content security policy, thrown, or complained of."""

from __future__ import annotations

from playwright.sync_api import ConsoleMessage, Page

from tests.support.builders import PASSWORD

REFUSED_ON_PURPOSE = "the server responded with a status of 4"  # a form with a wrong field answers 422


class Watch:
    """Collects complaints of a page from now on."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"thrown: {error}"))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and REFUSED_ON_PURPOSE not in message.text:
            self.complaints.append(f"{message.type}: {message.text}")


def log_in(page: Page, url: str, username: str) -> Watch:
    """Log in through the form; the watch has seen everything since the first page."""
    watch = Watch(page)
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(f"{url}/login/")
    page.fill("#id_username", username)
    page.fill("#id_password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda address: "/login/" not in address)
    return watch
