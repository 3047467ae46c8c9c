"""Parsed fragments of HTML, and a text that must not become markup in them."""

from __future__ import annotations

from html.parser import HTMLParser

__all__ = ["NASTY", "Page"]

NASTY = "<script>alert('x')</script>\"' onload=\"x\" {{ 7 * 7 }} &amp; \u202eשלום\x00\x1b[31m"


class Page(HTMLParser):
    """The tags, attributes and text of a fragment. Parsing fails if tags do not match."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.pieces = [], set(), [], []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.pieces.append(data)

    @property
    def text(self):
        return " ".join("".join(self.pieces).split())
