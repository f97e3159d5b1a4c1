"""A page that opens without a network: its head, its style, its sections. Used by every page that tnsim writes."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable

__all__ = ["beside", "block", "document", "note", "pair", "section"]

STYLES = "style-src 'unsafe-inline'"


def document(title: str, main: str, allowed: str = "", style: str = "", tail: str = "") -> str:
    """The whole page. title, main: as they stand in it. allowed: by the policy beside its own styles. style: more than
    the report's. tail: what follows <main>.
    """
    policy = "; ".join(part for part in ("default-src 'none'", STYLES, allowed) if part)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>\n{beside('style.css')}{style}</style>\n</head>\n"
        f"<body>\n<main>\n{main}</main>\n{tail}</body>\n</html>\n"
    )


def section(name: str, title: str, content: str) -> str:
    """A part of the page under its heading."""
    return f'<section aria-labelledby="{name}">\n<h2 id="{name}">{title}</h2>\n{content}\n</section>\n'


def note(words: str) -> str:
    """A paragraph that explains."""
    return f'<p class="note">{words}</p>'


def pair(figures: Iterable[tuple[str, str]]) -> str:
    """Pictures with their captions, (caption, picture), as many in a row as fit; empty if there are none."""
    drawn = "".join(f"<figure><figcaption>{said}</figcaption>{picture}</figure>" for said, picture in figures)
    return f'<div class="pair">{drawn}</div>' if drawn else ""


def block(title: str, said: str, content: str, kind: str) -> str:
    """A part of a section: its title, what is said of it, and its content."""
    return f'<div class="block {kind}"><h3>{title}</h3>{note(said)}{content}</div>'


def beside(name: str) -> str:
    """Text of a file that lies beside this one."""
    return importlib.resources.files("tnsim.report").joinpath(name).read_text(encoding="utf-8")
