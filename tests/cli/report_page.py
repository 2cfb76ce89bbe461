"""Checks a page of `dipper report` without a browser: tags closed in order, ids unique and links answered, no scripts,
no handlers, nothing loaded from outside, pictures that are PNGs. usage: report_page.py PAGE; prints counts."""
import base64
import sys
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.counts, self.faults = [], [], [], {}, []

    def handle_starttag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag not in VOID:
            self.open.append(tag)
        self.look(tag, attributes)

    def handle_startendtag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.look(tag, attributes)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at line {self.getpos()[0]} closes nothing")

    def look(self, tag, attributes):
        if tag in ("script", "iframe", "object", "link", "base", "form"):
            self.faults.append(f"<{tag}>")
        for name, value in attributes:
            if name.startswith("on"):
                self.faults.append(f"{tag} {name}")
            if name == "id":
                self.ids.append(value)
            if name == "href":
                self.links.append(value)
            if name == "src":
                head, _, data = value.partition(",")
                png = head == "data:image/png;base64" and base64.b64decode(data, validate=True)[:4] == b"\x89PNG"
                if not png:
                    self.faults.append(f"src {value[:60]}")


page = Page()
text = open(sys.argv[1], encoding="utf-8").read()
page.feed(text)
page.close()
page.faults += [f"<{tag}> is not closed" for tag in page.open]
page.faults += [f"id {i} twice" for i in set(page.ids) if page.ids.count(i) > 1]
page.faults += [f"link {link}" for link in set(page.links) if link[:1] != "#" or link[1:] not in page.ids]
page.faults += [f"{word} in the page" for word in ("url(", "@import", "http://", "https://") if word in text]
print(*(f"{tag}={count}" for tag, count in sorted(page.counts.items())))
print("\n".join(page.faults), file=sys.stderr, end="")
sys.exit(bool(page.faults))
