"""The page in a browser, as its user sees it."""

import base64
import contextlib
import threading
from urllib.parse import parse_qs, urlsplit

import numpy as np

from export import browser
from export import page as pages
from tfgen.pictures import to_uint8


@contextlib.contextmanager
def served(site):
    """Serves the folder; the address of its page."""
    with pages.server(site) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


@contextlib.contextmanager
def tab(address):
    """A browser's tab with the page, a `View`."""
    with browser.page(viewport={"width": 1000, "height": 800}, permissions=["camera"]) as page:
        page.set_default_timeout(30_000)
        yield View(page, address)


@contextlib.contextmanager
def sound(tab):
    """Afterwards nothing was asked from elsewhere, and nothing went wrong."""
    tab.problems.clear()
    tab.requests.clear()
    yield
    assert tab.problems == []
    assert [url for url in tab.requests if not url.startswith((tab.address, "about:blank"))] == []


def check(shown, image, model):
    """The canvas shows the image: within one level, and nearly everywhere the same."""
    wanted = to_uint8(image, model.value_range).astype(int)
    assert wanted.std() > 10, "the image has no contrast, so that it shows no difference"
    gap = np.abs(shown - np.broadcast_to(wanted, shown.shape))
    assert gap.max() <= 1
    assert np.mean(gap > 0) < 0.02


class View:
    """The page, and what a user does with it."""

    def __init__(self, page, address):
        self.page, self.address = page, address
        self.requests, self.problems = [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.problems.append(str(error)))

    def _hear(self, message):
        # That tests read canvases is no fault of the page.
        if message.type in ("error", "warning") and "willReadFrequently" not in message.text:
            self.problems.append(message.text)

    def load(self, fragment):
        """Follows a link from elsewhere."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}#{fragment}")
        return self.ready()

    def open(self, fragment):
        """Follows a link within the page, which is not loaded anew: a quarter of a second of a core."""
        if not self.page.url.startswith(self.address):
            return self.load(fragment)
        self.page.evaluate(
            "said => new Promise((heard) => {"
            " history.replaceState(null, '', '#');"  # so that the same link is followed again
            " addEventListener('hashchange', heard, { once: true });"  # behind the page's own listener
            " location.hash = said; }).then(() => null)",
            fragment,
        )
        return self.ready()

    def ready(self):
        self.page.wait_for_selector("main[aria-busy=false]")
        return self

    def image(self, selector="#picture", i=0):
        """What a canvas shows: uint8 (h, w, 3)."""
        width, height, text = (
            self.page.locator(selector)
            .nth(i)
            .evaluate(
                "one => { const {width: w, height: h} = one; let text = '';"
                " const {data} = one.getContext('2d').getImageData(0, 0, w, h);"
                " for (let i = 0; i < data.length; i += 8192)"
                " text += String.fromCharCode(...data.subarray(i, i + 8192));"
                " return [w, h, btoa(text)]; }"  # numbers come one by one, a text at once
            )
        )
        return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)[..., :3]

    @property
    def state(self):
        return {name: one[0] for name, one in parse_qs(urlsplit(self.page.url).fragment).items()}

    @property
    def z(self):
        return np.float32([self.state["z"].split(",")])

    def text(self, selector):
        return self.page.inner_text(selector)
