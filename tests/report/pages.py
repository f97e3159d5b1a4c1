"""A page read back: its elements, with tags checked to balance."""

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img", "input", "col", "wbr"}
SHAPES = {"path", "circle", "rect"}


class Page(HTMLParser):
    """The page as a list of elements (tag, attributes, text), tags checked to balance."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.open: list[int] = []
        self.elements: list[tuple[str, dict[str, str | None], list[str], tuple[int, ...]]] = []
        self.feed(text)
        self.close()
        assert not self.open, [self.elements[i][0] for i in self.open]

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), [], tuple(self.open)))
        if tag not in VOID:
            self.open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag, attrs):
        assert tag in SHAPES, tag
        self.elements.append((tag, dict(attrs), [], tuple(self.open)))

    def handle_endtag(self, tag):
        assert self.elements[self.open.pop()][0] == tag, tag

    def handle_data(self, data):
        for k in self.open:
            self.elements[k][2].append(data)

    def all(self, tag: str, **wanted: str) -> list[tuple[dict[str, str | None], str]]:
        """Attributes and text of the elements of a tag whose attributes hold the words wanted."""
        return [
            (attrs, "".join(words))
            for name, attrs, words, _ in self.elements
            if name == tag and all(v in (attrs.get(k.rstrip("_")) or "").split() for k, v in wanted.items())
        ]
