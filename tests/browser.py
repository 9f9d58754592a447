"""A headless Chromium that may reach nothing but files, for the pages that Podium writes.

`python -m tests.browser PAGE.html PICTURE.png [WIDTH HEIGHT]` takes a picture of a page.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
]


def chromium() -> str | None:
    """The browser's program: `$PODIUM_CHROMIUM`, or the first that is installed."""
    named = os.environ.get("PODIUM_CHROMIUM")
    return named or next((path for name in _NAMES if (path := shutil.which(name))), None)


@dataclass
class OpenPage:
    """A loaded page (playwright's `page`), with what went wrong and what it asked for besides itself."""

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def browser() -> Iterator[Any]:
    """A running Chromium; playwright's `Browser`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=_ARGUMENTS)
        try:
            yield running
        finally:
            running.close()


@contextmanager
def opened(running: Any, path: Path, width: int = 1240, height: int = 900, dark: bool = False) -> Iterator[OpenPage]:
    """Load a file in a window of its own; every other request is written down and refused."""
    address = path.resolve().as_uri()
    context = running.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", offline=True
    )
    opened_page = OpenPage(context.new_page())

    def only_the_page(route: Any) -> None:
        if route.request.url == address:
            route.continue_()
        else:
            opened_page.requests.append(route.request.url)
            route.abort()

    opened_page.page.route("**/*", only_the_page)
    opened_page.page.on("pageerror", lambda error: opened_page.errors.append(str(error)))
    opened_page.page.on(
        "console",
        lambda said: opened_page.errors.append(said.text) if said.type in ("error", "warning") else None,
    )
    try:
        opened_page.page.goto(address, wait_until="load")
        yield opened_page
    finally:
        context.close()


def take_picture(path: Path, picture: Path, width: int = 1240, height: int = 900) -> None:
    """What the page shows first, in a window of that size, as PNG."""
    with browser() as running, opened(running, path, width, height) as shown:
        shown.page.screenshot(path=str(picture))


if __name__ == "__main__":
    take_picture(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
