"""Contenders in processes of their own: every end is a row, answers before times, turns in order."""

import os
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tnsim.bench import runner
from tnsim.bench.answers import verdicts
from tnsim.bench.cases import Case
from tnsim.bench.crew import Crew
from tnsim.bench.process import Limits, Reply, Worker, held, processors
from tnsim.bench.profiles import Entry
from tnsim.bench.results import Results
from tnsim.bench.rounds import Pace, Steady, take_turns
from tnsim.bench.schema import check
from tnsim.bench.workloads import Floor
from tnsim.memory import MemoryLimitError

CASE = Case("scores", 64, batch=64)
FLOOR = Floor(1e6, 1e6)
WORKLOADS = {"scores": SimpleNamespace(tolerance=1e-3, floor=lambda case: FLOOR, theory=lambda case: 5.0, about="so")}
PLACE = {"fingerprint": "f1", "roofline": {"float32": 1e9, "float64": 1e9, "bandwidth": 1e9, "transcendentals": 1e9}}
BRISK = Pace(seconds=0.01, least=3, most=4, burst=0.002)


def rows_of(*peers, seconds=20.0, memory=10**9):
    by_name = {peer.name: peer for peer in peers}
    settings = runner.Settings(1, seconds, memory, BRISK)
    with Crew(by_name, 1) as crew:
        known = runner.Known(by_name, WORKLOADS)
        found = list(runner.case_rows(CASE, tuple(by_name), crew, known, settings, PLACE))
    return {row["peer"]: check(row, "a row") for row in found}


def test_every_end_is_a_row(contender):
    rows = rows_of(
        contender("tnsim"),
        contender("slower", run="time.sleep(0.004)"),
        contender("raises", prepare="raise RuntimeError('no such path\\nmore')"),
        contender("wrong", answer="[1.0, 2.5]"),
        contender("shapeless", answer="[1.0]"),
        contender("wordy", answer="'no numbers'"),
        contender("nan", answer="[1.0, float('nan')]"),
        contender("shy", refuses="'takes chains only' if case.workload == 'scores' else None"),
        contender("absent", requires=("no_such_library",)),
        contender("exits", prepare="import sys; sys.exit(3)"),
        contender("dies", prepare="import os; print('last words', flush=True); os._exit(7)"),
        contender("unimportable", top="import no_such_library"),
        contender("exhausted", prepare="raise MemoryError('cannot allocate')"),
        contender("late", run="held.append(1) or (1 / 0 if len(held) > 3 else None)"),
    )
    assert {name: row["status"] for name, row in rows.items()} == {
        "tnsim": "ok", "slower": "ok", "raises": "error", "wrong": "wrong", "shapeless": "wrong", "nan": "wrong",
        "wordy": "wrong", "shy": "refused", "absent": "missing", "exits": "error", "dies": "error",
        "unimportable": "error",
        "exhausted": "memory", "late": "error",
    }  # fmt: skip
    assert rows["raises"]["message"] == "RuntimeError: no such path"
    assert "tnsim[peers]" in rows["absent"]["message"]
    assert "code 7" in rows["dies"]["message"]
    assert "last words" in rows["dies"]["message"]
    assert rows["shy"]["message"] == "takes chains only"
    assert all((row["run"] is None) == (row["status"] != "ok") for row in rows.values())
    own = rows["tnsim"]
    assert own["run"]["median"] == pytest.approx(0.001, abs=0.002)
    assert rows["slower"]["run"]["median"] > own["run"]["median"]
    assert own["seconds"] == {"compile": 0.5}
    assert own["share"] == pytest.approx(2e-3 / own["run"]["median"])  # 2e6 flops at 1e9 a second, above the bytes
    assert own["floor"]["bound"] == "matmul"
    assert own["note"] == "tried"


def test_who_takes_too_long_or_too_much_is_ended(contender):
    start = time.monotonic()
    rows = rows_of(
        contender("tnsim"),
        contender("hangs", prepare="time.sleep(60)"),
        contender("hangs_later", run="time.sleep(60)"),
        contender("eats", prepare="held.append(bytearray(b'1' * 300_000_000)); time.sleep(60)"),
        seconds=1.5,
        memory=10**8,
    )
    assert {name: row["status"] for name, row in rows.items()} == {
        "tnsim": "ok", "hangs": "time", "hangs_later": "time", "eats": "memory",
    }  # fmt: skip
    assert "100 MB" in rows["eats"]["message"]
    assert time.monotonic() - start < 30


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="no such record on this system")
def test_peak_memory_is_of_the_case_alone(contender):
    keeps = "held.append(bytearray(b'1' * 50_000_000))"
    grows = "(lambda block: None)(bytearray(b'1' * 80_000_000))"
    rows = rows_of(contender("tnsim", run=grows), contender("lean", prepare=keeps))
    assert 75e6 < rows["tnsim"]["memory"]["run"] < 180e6  # the literal is copied
    assert rows["tnsim"]["memory"]["held"] < 10e6
    assert 45e6 < rows["lean"]["memory"]["held"] <= rows["lean"]["memory"]["run"] + 10**6 < 60e6


def test_a_worker_is_ended_with_its_children_and_started_anew(contender):
    starts = "import subprocess; child = subprocess.Popen(['sleep', '60'])"
    peer = contender("tnsim", top=starts, prepare="time.sleep(60)", refuses="str(child.pid)")
    with Crew({"tnsim": peer}, 1) as crew:
        first = crew["tnsim"]
        child = int(first.ask("refuses", {}).value)
        assert first.ask("prepare", {}, limits=Limits(0.2)).status == "time"
        assert first.ask("drop") == Reply("error", "the process has ended")
        end = time.monotonic() + 5
        while held(child) and time.monotonic() < end:
            time.sleep(0.02)
        assert not held(child)
        assert crew["tnsim"] is not first
        assert crew["tnsim"] is crew["tnsim"]


def test_threads_are_the_same_for_all(contender):
    counts = "os.environ['OMP_NUM_THREADS'], os.environ['TNSIM_BENCH_THREADS'], str(len(os.sched_getaffinity(0)))"
    told = f"' '.join([{counts}])"
    peer = contender("tnsim", top="import os", refuses=told)
    worker = Worker(peer.module, 1)
    assert worker.ask("refuses", {}).value == "1 1 1"
    worker.kill()
    with pytest.raises(ValueError, match="threads: wanted 1 to"):
        processors(10**6)


@given(st.integers(1, 5), st.integers(1, 6))
def test_turns_go_forward_and_backward(contenders, rounds):
    asked = []

    def asker(name):
        return lambda calls, warm: asked.append(name) or Reply("ok", [0.5] * calls)

    names = [f"c{k}" for k in range(contenders)]
    found = take_turns({n: asker(n) for n in names}, dict.fromkeys(names, 1e9), Pace(0.0, rounds, rounds))
    wanted = [name for k in range(rounds) for name in (names if k % 2 == 0 else names[::-1])]
    assert asked == wanted
    assert all(len(steady.rounds) == rounds for steady in found.values())


def test_a_burst_follows_the_first_call_and_a_slow_one_is_not_warmed():
    asked = {"fast": [], "slow": []}

    def asker(name, seconds):
        return lambda calls, warm: asked[name].append((calls, warm)) or Reply("ok", [seconds] * calls)

    pace = Pace(seconds=2.0, least=5, most=100, burst=0.05, patience=0.25)
    found = take_turns({"fast": asker("fast", 0.01), "slow": asker("slow", 3.0)}, {"fast": 60, "slow": 10}, pace)
    assert asked["fast"][:2] == [(1, 0), (5, 1)]
    assert asked["slow"] == [(1, 0)] * 3  # a fourth would end beyond its 10 s
    assert 2 <= sum((calls + warm) * 0.01 for calls, warm in asked["fast"]) < 2.1
    assert found["slow"].figures()["repeats"] == 3
    assert found["fast"].figures()["repeats"] == len(asked["fast"]) - 1


def test_a_failure_in_a_later_round_takes_the_time_with_it():
    replies = iter([Reply("ok", [1.0]), Reply("memory", "gone")])
    found = take_turns({"x": lambda calls, warm: next(replies)}, {"x": 1e9}, Pace())
    assert found["x"] == Reply("memory", "gone")


def test_figures_are_of_the_rounds():
    figures = Steady((1.0, 2.0, 3.0, 4.0, 5.0), 9).figures()
    assert (figures["q1"], figures["median"], figures["q3"], figures["min"]) == (2.0, 3.0, 4.0, 1.0)
    assert figures["spread"] == pytest.approx(2 / 3)


def test_the_odd_one_is_wrong_even_if_it_is_tnsim():
    found = verdicts({"tnsim": [1.0], "a": [2.0], "b": [2.0]}, None, 1e-6)
    assert {name: verdict.right for name, verdict in found.items()} == {"tnsim": False, "a": True, "b": True}
    assert found["tnsim"].against == "a"
    two = verdicts({"a": [2.0], "tnsim": [1.0]}, None, 1e-6)
    assert (two["tnsim"].right, two["a"].right, two["a"].against) == (True, False, "tnsim")
    assert not any(v.right for v in verdicts({"tnsim": [1.0]}, [2.0], 1e-6).values())
    assert verdicts({}, None, 1e-6) == {}


def test_a_reference_is_asked_of_the_workload(contender, monkeypatch):
    monkeypatch.setitem(WORKLOADS, "scores", SimpleNamespace(**vars(WORKLOADS["scores"]), reference=None))
    top = "WORKLOADS = {'scores': SimpleNamespace(reference=lambda case: [float(case.batch), 2.0])}"
    peer = contender("tnsim", top=top, answer="[64.0, 2.0]")
    with Crew({"tnsim": peer}, 1) as crew:
        known = runner.Known({"tnsim": peer}, WORKLOADS, peer.module)
        (row,) = runner.case_rows(CASE, ("tnsim",), crew, known, runner.Settings(1, 20, 10**9, BRISK), PLACE)
    assert (row["status"], row["checked"]["against"], row["checked"]["difference"]) == ("ok", "reference", 0.0)


def test_what_is_there_is_not_run_again(contender):
    peers = {name: contender(name) for name in ("tnsim", "other")}
    peers["absent"] = contender("absent", requires=("no_such_library",))
    known = runner.Known(peers, WORKLOADS)

    def due(there):
        rows = [{"environment": "f1", "case": CASE.name, "peer": n, "status": s} for n, s in there.items()]
        return runner.due(Entry(CASE), known, Results({}, rows, {}), PLACE)

    assert due({}) == ("tnsim", "other", "absent")
    assert due({"tnsim": "ok", "other": "error", "absent": "missing"}) == ()
    assert due({"tnsim": "ok", "absent": "missing"}) == ("tnsim", "other")  # a ratio is of one turn
    assert due({"tnsim": "ok", "other": "ok", "absent": "ok"}) == ()
    assert due({"tnsim": "ok", "other": "missing", "absent": "missing"}) == ("tnsim", "other")  # installed since
    assert runner.due(Entry(CASE, ("other",)), known, Results({}, [], {}), PLACE) == ("other",)


def test_a_limit_below_inputs_and_outputs_is_refused_with_the_least():
    with pytest.raises(MemoryLimitError, match=r"scores/N64.* at least 1 MB"):
        runner.check_memory((Entry(CASE),), WORKLOADS, 10**5)
    runner.check_memory((Entry(CASE),), WORKLOADS, 10**7)
    runner.check_memory((), WORKLOADS, 1)
