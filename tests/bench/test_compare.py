"""What counts as slower: a change beyond the noise of both, and more than runs differ anyway."""

from math import exp, log

import pytest
from bench.samples import ENVIRONMENT, failed, measured
from hypothesis import given
from hypothesis import strategies as st

from tnsim.bench.comparison import compare, differences
from tnsim.bench.results import Results


def of(*rows, **facts):
    told = {**ENVIRONMENT, "machine": {**ENVIRONMENT["machine"], **facts}}
    return Results({"f1": told}, list(rows), {})


spreads = st.floats(0, 0.5)


@given(ratio=st.floats(0.1, 10), old=spreads, new=spreads)
def test_a_change_counts_beyond_three_deviations_of_both(ratio, old, new):
    (change,) = compare(of(measured(median=1.0, spread=old)), of(measured(median=ratio, spread=new)), tolerance=0.05)
    noise = 3 / 1.349 * (old**2 + new**2) ** 0.5
    beyond = abs(log(ratio)) - max(noise, log(1.05))
    assert change.ratio == pytest.approx(ratio)
    assert change.noise == pytest.approx(exp(noise) - 1)
    if abs(beyond) > 1e-9:
        assert change.verdict == ("" if beyond < 0 else "slower" if ratio > 1 else "faster")


@given(ratio=st.floats(0.1, 10), old=spreads, new=spreads)
def test_the_way_back_is_the_opposite(ratio, old, new):
    there, back = (
        compare(*pair)[0].verdict
        for pair in (
            (of(measured(median=1.0, spread=old)), of(measured(median=ratio, spread=new))),
            (of(measured(median=ratio, spread=new)), of(measured(median=1.0, spread=old))),
        )
    )
    assert {"slower": "faster", "faster": "slower", "": ""}[there] == back


def test_a_machine_that_slows_all_is_seen_by_the_others():
    old = of(measured(median=1.0), *(measured(f"p{k}", 1.0) for k in range(3)))
    new = of(measured(median=1.5), *(measured(f"p{k}", 1.5) for k in range(3)))
    assert compare(old, new)[0].verdict == "slower"
    assert compare(old, new, relative=True)[0].verdict == ""


def test_an_answer_that_was_lost_is_slower_and_pairs_come_in_order():
    ends = [("ok", "time", "slower"), ("ok", "wrong", "slower"), ("ok", "missing", "not run"),
            ("error", "ok", "now answers"), ("error", "time", "")]  # fmt: skip

    def row(peer, status):
        return measured(peer) if status == "ok" else failed(peer, status)

    names = ["tnsim", "a", "b", "c", "d"]
    old = of(*(row(name, end[0]) for name, end in zip(names, ends, strict=True)), measured("gone"))
    new = of(*(row(name, end[1]) for name, end in zip(names, ends, strict=True)), measured("fresh"))
    changes = compare(old, new)
    assert [change.peer for change in changes] == names
    assert [change.verdict for change in changes] == [end[2] for end in ends]
    assert changes[0].before == "10 ms"
    assert changes[0].after == "time"


def test_files_without_a_pair_are_refused():
    with pytest.raises(ValueError, match="in common, found none"):
        compare(of(measured(sites=64)), of(measured(sites=256)))


def test_environments_that_differ_are_told_but_for_the_commit():
    assert differences(of(measured()), of(measured(), commit="other")) == []
    assert differences(of(measured()), of(measured(), device="H100")) == ["machine device: cpu before, H100 after"]
