"""Follows every link and form of a served viewer in a real browser, a few of each kind."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from playwright.sync_api import Page
from werkzeug.exceptions import HTTPException

# What a reader can go to, or a script asks for: links, what is shown, and each form as it stands.
TARGETS = """() => {
    const places = [...document.querySelectorAll("[href], [src], [data-copy]")].map((element) =>
        element.getAttribute("href") ?? element.getAttribute("src") ?? element.dataset.copy);
    for (const form of document.forms) {
        for (const submitter of form.querySelectorAll("button:not([type=button])")) {
            const address = new URL(form.action);
            address.search = new URLSearchParams(new FormData(form, submitter));
            places.push(address.href);
        }
    }
    return [...new Set(places.map((place) => new URL(place, location).href))];
}"""


@dataclass
class Crawl:
    """A walk through a viewer; `faults` are what went wrong, each with the page it is about.

    An address is visited if its view, or a parameter of it, was seen less than `most` times.
    """

    app: Flask
    base: str
    page: Page
    most: int = 1
    faults: list[str] = field(default_factory=list)
    shapes: Counter[tuple[str, str]] = field(default_factory=Counter)
    _seen: set[str] = field(default_factory=set)

    def run(self, *starts: str) -> "Crawl":
        """Visit everything that can be reached from the paths."""
        self.page.on("console", lambda message: self._fault(message.text))
        self.page.on("pageerror", lambda error: self._fault(str(error)))
        self.page.on("request", lambda request: self._expect_own(request.url))
        waiting = deque(self.base + start for start in starts)
        while waiting:
            address = waiting.popleft().partition("#")[0]
            if self._is_wanted(address):
                waiting.extend(self._visit(address))
        return self

    @property
    def views(self) -> set[str]:
        """The views that were visited."""
        return {view for view, _ in self.shapes}

    def _is_wanted(self, address: str) -> bool:
        if address in self._seen or not address.startswith(self.base):
            return False
        self._seen.add(address)
        shapes = self._shapes(address)
        is_wanted = any(self.shapes[shape] < self.most for shape in shapes)
        if is_wanted:
            self.shapes.update(shapes)
        return is_wanted

    def _shapes(self, address: str) -> list[tuple[str, str]]:
        parts = urlsplit(address)
        try:
            view, _ = self.app.url_map.bind("localhost").match(parts.path or "/")
        except HTTPException:
            view = parts.path  # it will answer with an error
        asked = parse_qs(parts.query)
        return [(view, name) for name in ("", *asked, *asked.get("view", ()))]

    def _visit(self, address: str) -> Iterator[str]:
        asked = self.page.request.get(address)
        if not asked.ok:
            self._fault(f"answers {asked.status}", address)
        elif asked.headers["content-type"].startswith("text/html") and not (
            asked.headers.get("content-disposition", "").startswith("attachment")
        ):
            self.page.goto(address)
            yield from self.page.evaluate(TARGETS)

    def _expect_own(self, address: str) -> None:
        if not address.startswith((self.base, "data:")):
            self._fault(f"asks for {address}")

    def _fault(self, words: str, address: str = "") -> None:
        self.faults.append(f"{address or self.page.url}: {words}")
