"""`tnsim bench` from the outside: run, resume, stop, list, report, compare, and mistakes said in a line."""

import json
from types import SimpleNamespace

import pytest
from bench.samples import ENVIRONMENT, measured
from bench.test_runner import BRISK, PLACE, WORKLOADS
from bench.test_schema import written
from typer.testing import CliRunner

from tnsim.bench import commands, profiles, results, runner
from tnsim.bench.cases import Case
from tnsim.bench.profiles import PROFILES, Entry
from tnsim.memory import MemoryLimitError

CASES = [Case("scores", 64, batch=64), Case("scores", 256, batch=64)]


@pytest.fixture
def bench(contender, monkeypatch, tmp_path):
    """bench(*words) runs the command over contenders of this file; .out is its results file."""
    peers = {name: contender(name) for name in ("tnsim", "torch")}
    peers["quimb"] = contender("quimb", requires=("no_such_library",))
    monkeypatch.setattr(commands, "KNOWN", runner.Known(peers, WORKLOADS))
    monkeypatch.setitem(PROFILES, "quick", tuple(map(Entry, CASES)))
    monkeypatch.setattr(commands, "where", lambda settings: {**ENVIRONMENT, **PLACE})
    monkeypatch.setattr(commands, "BRIEF", BRISK)
    out = tmp_path / "results.jsonl"

    def run(*words):
        return CliRunner().invoke(commands.app, list(words), env={"COLUMNS": "200"})

    return SimpleNamespace(run=lambda *words: run("--out", str(out), *words), call=run, out=out)


def test_a_run_is_resumed_and_told(bench):
    told = bench.run()
    assert told.exit_code == 0, told.output
    rows = results.read(bench.out).measurements
    assert [(row["case"], row["peer"], row["status"]) for row in rows] == [
        (case.name, peer, status) for case in CASES
        for peer, status in (("quimb", "missing"), ("tnsim", "ok"), ("torch", "ok"))
    ]  # fmt: skip
    assert "not installed" in told.output
    assert CASES[1].name in told.output
    kept = bench.out.read_text().splitlines()
    again = bench.run("--json")
    assert again.exit_code == 0
    assert again.stdout == ""  # all is there
    assert len(bench.out.read_text().splitlines()) == len(kept) + 1  # the environment, measured anew
    fresh = bench.run("--fresh", "--json", "--peer", "torch")
    assert [json.loads(line)["peer"] for line in fresh.stdout.splitlines()] == ["tnsim", "torch"] * 2


def test_half_a_run_goes_on(bench):
    assert bench.run().exit_code == 0
    lines = bench.out.read_bytes().splitlines(keepends=True)
    bench.out.write_bytes(b"".join(lines[:-1]) + lines[-1][:50])  # torch's last row is lost
    told = bench.run("--json")
    assert [(json.loads(x)["case"], json.loads(x)["peer"]) for x in told.stdout.splitlines()] == [
        (CASES[1].name, "tnsim"), (CASES[1].name, "torch"),
    ]  # fmt: skip


def test_ctrl_c_keeps_what_is_done(bench, monkeypatch):
    whole, crews = runner.case_rows, []

    def stopped(case, names, crew, *rest):
        crews.append(crew)
        if case == CASES[1]:
            raise KeyboardInterrupt
        yield from whole(case, names, crew, *rest)

    monkeypatch.setattr(runner, "case_rows", stopped)
    told = bench.run()
    assert told.exit_code == 130
    assert "the same command goes on" in told.output
    assert {row["case"] for row in results.read(bench.out).measurements} == {CASES[0].name}
    assert not any(worker.alive for crew in crews for worker in crew.workers.values())


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--profile", "huge"], "--profile: wanted one of quick, table, chains, full, found 'huge'"),
        (["--workload", "sorting"], "--workload: wanted one of scores, found 'sorting'"),
        (["--peer", "numpy"], "--peer: wanted one of tnsim, torch, quimb, found 'numpy'"),
        (["--threads", "1000000"], "threads: wanted 1 to"),
        (["--memory", "much"], "memory: wanted bytes or a text like '8GB', found 'much'"),
        (["--memory", "1KB"], "needs at least 1 MB"),
    ],
)
def test_mistakes_are_said_before_anything_runs(bench, words, error):
    told = bench.run(*words)
    assert isinstance(told.exception, (ValueError, MemoryLimitError))
    assert error in str(told.exception)
    assert not bench.out.exists()


def test_a_file_of_another_schema_stays_as_it_is(bench):
    written(bench.out, [{**ENVIRONMENT, "schema": 2}])
    before = bench.out.read_bytes()
    assert "schema: wanted 1, found 2" in str(bench.run().exception)
    assert bench.out.read_bytes() == before


def test_the_list_names_all_and_what_is_missing(bench):
    told = bench.call("list").output
    for words in ("quick", "table", "full", "scores", "torch", "pip install 'tnsim[peers]'", "how quimb is used"):
        assert words in told


def test_report_and_table_are_written(bench, tmp_path):
    table = profiles.PROFILES["table"][0].case
    sizes = {"workload": table.workload, "sites": table.sites, "batch": table.batch}
    written(bench.out, [ENVIRONMENT, measured(**sizes), measured("torch", 0.05, **sizes)])
    page, markdown = tmp_path / "p.html", tmp_path / "t.md"
    told = bench.call("report", str(bench.out), "--out", str(page), "--markdown", str(markdown))
    assert told.exit_code == 0, told.output
    assert "tnsim 5.0x faster" in page.read_text()
    assert "5x" in markdown.read_text()


def test_compare_fails_only_where_tnsim_got_slower(bench, tmp_path):
    old = written(tmp_path / "old.jsonl", [ENVIRONMENT, measured(median=1.0), measured("torch", 1.0)])
    slower = written(tmp_path / "a.jsonl", [ENVIRONMENT, measured(median=2.0), measured("torch", 1.0)])
    machine = {**ENVIRONMENT["machine"], "device": "other"}
    other = written(
        tmp_path / "b.jsonl", [{**ENVIRONMENT, "machine": machine}, measured(median=0.5), measured("torch", 9.0)]
    )
    assert bench.call("compare", str(old), str(slower)).exit_code == 0
    assert bench.call("compare", str(old), str(slower), "--fail").exit_code == 1
    told = bench.call("compare", str(old), str(other), "--fail")
    assert told.exit_code == 0
    assert "ATTENTION, another environment: machine device: cpu before, other after" in told.output
    changes = json.loads(bench.call("compare", str(old), str(slower), "--json").stdout)
    assert [(c["peer"], c["verdict"]) for c in changes] == [("tnsim", "slower"), ("torch", "")]


def test_profiles_name_known_workloads_once_each():
    for name, entries in PROFILES.items():
        cases = [entry.case for entry in entries]
        assert len(set(cases)) == len(cases), name
        assert {case.workload for case in cases} <= set(commands.WORKLOADS)
    assert {entry.case.workload for entry in PROFILES["full"]} == set(commands.WORKLOADS)
    assert {entry.case.workload for entry in PROFILES["quick"]} == set(commands.WORKLOADS)
