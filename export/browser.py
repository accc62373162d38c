"""Headless Chromium, driven by Playwright."""

import contextlib
import shutil

from tfgen.errors import InputError

ARGUMENTS = ["--no-sandbox", "--use-fake-device-for-media-stream"]  # its camera is a test picture
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable():
    """The path of an installed Chromium; an InputError where there is none."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise InputError("no Chromium is installed; install it (Debian: apt install chromium)")


@contextlib.contextmanager
def page(**options):
    """A page of a new browser; options are those of Playwright's `new_context`, as `viewport`."""
    path = executable()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise InputError("playwright is not installed; pip install 'tfgen[test]'") from None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser.new_context(**options).new_page()
        finally:
            browser.close()
