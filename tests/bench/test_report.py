"""The page holds every row, wins and losses alike, and needs nothing from outside."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from bench.samples import ENVIRONMENT, case, failed, measured
from hypothesis import given
from hypothesis import strategies as st

from tnsim.bench import page, results, tables
from tnsim.bench.profiles import PROFILES
from tnsim.bench.results import Results
from tnsim.bench.units import against, seconds

ROWS = [
    *(measured(sites=n, median=n * 1e-5) for n in (64, 256, 1024)),
    *(measured("torch", sites=n, median=n * 2e-5) for n in (64, 256, 1024)),
    measured("swift", median=64e-5 / 2),
    failed("quimb", "time", "more than 60 s", sites=1024),
    failed("cotengra", "missing", "pip install 'tnsim[peers]'"),
    failed("tensorkrowch", "refused", "takes chains only"),
    failed("odd", "wrong", "differs from <b>tnsim</b> by 1"),
    measured(sites=(32, 32), workload="value-and-grad"),
]
OWN = {row["turn"]: row for row in ROWS if row["peer"] == "tnsim"}
FOUND = Results({"f1": ENVIRONMENT, "unused": ENVIRONMENT}, ROWS, OWN)
ABOUT, NOTES = {"scores": "the scores of a batch"}, {"torch": "a module by hand"}
PAGE = page.render(FOUND, ABOUT, NOTES)


class Seen(HTMLParser):
    """Rows of tables, tags and attributes; raises at tags that do not match."""

    def __init__(self):
        super().__init__()
        self.open, self.rows, self.attributes, self.ids = [], [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "br", "circle", "path", "rect"):
            self.open.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        if tag == "tr":
            self.rows.append("")

    def handle_endtag(self, tag):
        if tag not in ("circle", "path", "rect"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "tr" in self.open:
            self.rows[-1] += f"|{data}"


@pytest.fixture(scope="module")
def seen():
    parser = Seen()
    parser.feed(PAGE)
    assert parser.open == []
    return parser


def test_every_row_is_on_the_page(seen):
    for row in ROWS:
        shown = [text for text in seen.rows if row["case"] in text and f"|{row['peer']}|" in text]
        assert len(shown) == 1, row["peer"]
        if row["status"] == "ok":
            assert seconds(row["run"]["median"]) in shown[0]
        else:
            assert tables.WORDS[row["status"]] in shown[0]
            assert row["message"] in shown[0]


def test_wins_and_losses_are_equally_plain(seen):
    (loss,) = [text for text in seen.rows if "|swift|" in text and "scores" in text]
    (win,) = [text for text in seen.rows if "|torch|" in text and case(sites=256).name in text]
    assert "tnsim 2.0x slower" in loss
    assert "tnsim 2.0x faster" in win
    assert "faster in 3 and slower in 1 of 4 pairs; 2 rows ended without a time" in PAGE


def test_the_page_needs_nothing_from_outside(seen):
    assert "<script" not in PAGE
    assert "@import" not in PAGE
    assert not [a for a in seen.attributes if a[0] in ("src", "href", "onload", "onclick")]
    assert not re.findall(r"url\(|https?://", PAGE)
    assert len(seen.ids) == len(set(seen.ids))
    assert "<b>tnsim</b>" not in PAGE  # words of contenders are text, never markup


def test_machine_method_and_laws_are_told(seen):
    for words in ("A processor", "2 threads", "jax 0.10.2", "float32 products 100 GFLOP/s", "memory 10 GB/s", "abc",
                  page.METHOD, "the scores of a batch", "a module by hand"):  # fmt: skip
        assert words in PAGE
    laws = [text for text in seen.rows if "N^1.00" in text]
    assert len(laws) == 2  # tnsim and torch
    assert all("N^0.00" in text for text in laws)  # the samples' theory is constant
    assert PAGE.count("<svg") == 1


def test_the_table_for_a_readme_has_a_line_for_each_case_and_a_column_for_each_who_ran_or_failed():
    table = tables.markdown(FOUND, [case(sites=1024), case(sites=64)])
    head, _, *body = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    assert head == ["case", "tnsim", "torch", "quimb", "swift", "odd"]
    assert [line[0] for line in body] == [f"`{case(sites=sites).name}`" for sites in (1024, 64)]
    assert all(len(line) == len(head) for line in body)
    assert "Not installed in this run: cotengra." in table
    assert body[1][head.index("swift")].startswith("0.5x")
    assert body[0][head.index("quimb")] == "out of time"
    with pytest.raises(ValueError, match="found none"):
        tables.markdown(FOUND, [case(sites=7)])


@given(peer=st.floats(1e-6, 1e3), own=st.floats(1e-6, 1e3))
def test_a_ratio_is_told_by_its_larger_side(peer, own):
    words = against(peer, own)
    if words == "equal":
        assert peer == pytest.approx(own, rel=0.01)
    else:
        factor = float(words.split()[1].rstrip("x"))
        assert factor >= 1
        assert factor == pytest.approx(max(peer / own, own / peer), rel=0.06)
        assert ("faster" in words) == (peer > own)


@given(st.floats(1e-9, 1e6))
def test_seconds_keep_three_figures(value):
    number, unit = seconds(value).split()
    assert float(number) * {"s": 1, "ms": 1e-3, "us": 1e-6}[unit] == pytest.approx(value, rel=6e-3)


def test_the_readme_s_table_is_that_of_its_results():
    """Made again by the command that stands above it."""
    root = Path(__file__).parents[2]
    told = re.search(r"<!-- speed: tnsim bench report (\S+) --markdown -->\n(.*?)\n<!-- /speed -->",
                     (root / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)  # fmt: skip
    cases = [entry.case for entry in PROFILES["table"]]
    assert told[2].strip() == tables.markdown(results.read(root / told[1]), cases).strip()
