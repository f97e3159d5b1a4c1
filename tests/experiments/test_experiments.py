"""Experiments: finished trials are kept whole and never repeated, however a run ends; executors; statistics."""

import contextlib
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from flax import nnx
from scipy import stats

import tnsim
from tnsim.experiments import EXPERIMENTS, ClusterError, ResultsError, TrialError, executors, named, on_cluster, results
from tnsim.experiments import run as run_experiment
from tnsim.experiments.accuracy import resplit
from tnsim.experiments.base_or_tip import PROFILES
from tnsim.experiments.compression import METHODS, PARTS
from tnsim.experiments.depth import BUDGETS, WINDOWS, widest
from tnsim.experiments.entropy_and_generalisation import by_class
from tnsim.experiments.experiment import Experiment, Trial, key
from tnsim.experiments.findings import page
from tnsim.experiments.measuring import entropies, trained
from tnsim.experiments.running import missing
from tnsim.experiments.settings import held_apart
from tnsim.experiments.statistics import grouped, mean, paired
from tnsim.train.config import TrainConfig
from tnsim.train.data import load

SETTINGS = tuple({"r": r, "seed": seed} for r in (2, 4) for seed in (0, 1))
TOY = Experiment("toy", "Is it so?", lambda quick: SETTINGS[: 2 if quick else 4], lambda s: {"test": 0.5}, ("r",))
QUICK = "use-of-bound"
ALONE = {**os.environ, "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}


def in_turn(name, todo):
    """An executor that runs trials one by one in this process; trials of seed 1 with r = 4 fail."""

    @contextmanager
    def trials(name, todo):
        fails = {"r": 4, "seed": 1}
        yield (TrialError("bad") if one == fails else Trial(one, {"test": float(one["r"])}, 1.0) for one in todo)

    return trials(name, todo)


def test_finished_trials_are_kept_and_not_repeated(tmp_path):
    quick = run_experiment(TOY, tmp_path, in_turn, quick=True)
    assert [trial.settings for trial in quick.values()] == list(SETTINGS[:2])
    asked = []

    def recording(name, todo):
        asked.extend(todo)
        return in_turn(name, asked)

    with pytest.raises(TrialError, match="1 of 2 trials failed, the first: bad"):
        run_experiment(TOY, tmp_path, recording)
    assert asked == list(SETTINGS[2:])
    done = results.read(tmp_path, TOY)
    assert len(done) == 3
    assert missing(TOY, done) == [SETTINGS[3]]


def test_a_stop_between_trials_keeps_what_is_done(tmp_path):
    done = run_experiment(TOY, tmp_path, in_turn, minutes=0)
    assert len(done) == 1
    assert results.read(tmp_path, TOY) == done


def test_an_interrupt_keeps_what_is_done(tmp_path):
    def stop(done, of, trial):
        assert (done, of) == (1, 4)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiment(TOY, tmp_path, in_turn, said=stop)
    assert len(results.read(tmp_path, TOY)) == 1


def test_results_of_another_version_or_experiment_are_refused(tmp_path):
    path = results.write(tmp_path, TOY, {key(SETTINGS[0]): Trial(SETTINGS[0], {"test": 1}, 2.0)})
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "format": "tnsim-experiment/0"}))
    with pytest.raises(ResultsError, match=r"toy.json: wanted results of version 'tnsim-experiment/1', found '.*/0'"):
        results.read(tmp_path, TOY)
    path.write_text(json.dumps({**content, "experiment": "other"}))
    with pytest.raises(ResultsError, match="wanted results of 'toy', found 'other'"):
        results.read(tmp_path, TOY)
    path.write_text("{")
    with pytest.raises(ResultsError, match="wanted results in JSON"):
        results.read(tmp_path, TOY)


def test_the_order_of_settings_does_not_tell_trials_apart():
    assert key({"b": 1, "a": 2}) == key({"a": 2, "b": 1}) == "a=2 b=1"


def test_trials_are_apart_and_plain():
    for experiment in EXPERIMENTS.values():
        for quick in (True, False):
            trials = experiment.trials(quick)
            assert len({key(one) for one in trials}) == len(trials)
            assert json.loads(json.dumps(trials)) == list(trials)
            assert set(experiment.compare) <= set(trials[0])
        assert len({one["seed"] for one in experiment.trials(False)}) >= 3


def test_unknown_experiments_are_named():
    with pytest.raises(ValueError, match=r"experiment: wanted one of accuracy, settings, .*, found 'nothing'"):
        named("nothing")


def test_profiles_have_equal_parameters():
    base, tip = (
        tnsim.ConvAC((64, 64), 3, tuple(8 * f for f in factors), (2,) * 6, 10, sharing="window").parameters
        for factors in PROFILES.values()
    )
    assert abs(base / tip - 1) < 0.02


@pytest.mark.parametrize("name", list(WINDOWS))
def test_depths_differ_little_in_parameters(name):
    side = 8 if name == "digits" else 32
    found = [
        widest(tnsim.ConvAC((side, side), 3, (2,) * len(windows), windows, 10), BUDGETS[name]).parameters
        for windows in WINDOWS[name].values()
    ]
    assert max(found) <= BUDGETS[name]
    assert min(found) >= 0.8 * BUDGETS[name]
    with pytest.raises(ValueError, match="budget: wanted at least 404 parameters, found 9"):
        widest(tnsim.ConvAC((8, 8), 3, (2,), (8,), 10), 9)


def test_accuracy_by_class_is_that_of_the_whole():
    data = load("digits")
    module = tnsim.nn.ConvAC(tnsim.ConvAC((8, 8), 3, (3, 3, 3), (2, 2, 2), 10), tnsim.nn.Fourier(), rngs=nnx.Rngs(0))
    counts = np.bincount(data.test_labels)
    mean_of_classes = np.average(by_class(module, data), weights=counts)
    assert mean_of_classes == pytest.approx(tnsim.train.accuracy(module, data.test_images, data.test_labels), abs=1e-6)


def test_small_sets_are_split_anew_with_every_image_once():
    data = load("digits")
    for split in (0, 3):
        again = resplit(data, split)
        assert again.train_images.shape == data.train_images.shape
        every = np.concatenate([again.train_images, again.test_images]).reshape(1797, -1)
        before = np.concatenate([data.train_images, data.test_images]).reshape(1797, -1)
        assert sorted(map(bytes, every)) == sorted(map(bytes, before))
    assert not np.array_equal(resplit(data, 0).test_labels, resplit(data, 1).test_labels)


DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_findings_is_that_of_the_results():
    assert (DOCS / "findings.md").read_text(encoding="utf-8") == page(DOCS / "experiments")


def test_every_number_of_a_finding_follows_the_results(tmp_path):
    results.write(tmp_path, named("accuracy"), results.read(DOCS / "experiments", named("accuracy")))
    before, path = page(tmp_path), tmp_path / "accuracy.json"
    content = json.loads(path.read_text())
    for trial in content["trials"]:
        trial["result"]["test"] /= 2
    path.write_text(json.dumps(content))
    after = page(tmp_path)
    numbers = [float(re.search(r"([0-9.]+) % on digits", text)[1]) for text in (before, after)]
    assert numbers[1] == pytest.approx(numbers[0] / 2, abs=0.06)
    with pytest.raises(ValueError, match="results: wanted a folder with results of experiments, found none"):
        page(tmp_path / "nowhere")


MASKS = ("left-right", "center", "chess:1", "chess:4", "chess:16", "checkerboard")


def made_up(settings):
    """Results in which tip, mirror and depth win by 10 points, and entropies grow with the seed as accuracy does."""
    seed = settings["seed"]
    wins = {settings.get("profile"), settings.get("geometry"), settings.get("levels")} & {"tip", "mirror", 3, 5}
    test = 0.5 + 0.1 * len(wins) + 0.01 * seed
    rows = [{"partition": A, "bound": 4.0, "renyi2": [1.0 + seed + c for c in range(10)]} for A in MASKS]
    low = [{**row, "renyi2": [0.5] * 10} for row in rows]
    classes = [0.1 * c for c in range(10)]
    looks = [{"step": step, "entropies": e, "test_by_class": classes} for step, e in ((0, low), (9, rows))]
    found = {"test": test, "train": 1.0, "trees": [test], "parameters": 7, "r": 3, "looks": looks}
    return {**found, "entropies": rows, "entropies_at_start": low, "multiply_adds": 9, "small": small(), "ranks": [3]}


def small():
    """What compression's methods leave: each a point better than the one before; one of them has no smallest."""
    sizes = {"parameters": 3, "multiply_adds": 4, "loss": 0.5, "before": 0.1}
    rows = [
        {"method": method, "part": part, "test": 0.7 + 0.01 * place, **sizes}
        for place, method in enumerate(METHODS)
        for part in PARTS
    ]
    none = {"method": "singular values", "part": PARTS[-1]}
    return [{**none, "why": "too small"} if none.items() <= row.items() else row for row in rows]


TOLD = {
    "accuracy": r"reach 51.0 % on digits \(pixels\)",
    "base-or-tip": r"the tip for ConvAC r = 4 at 4, 8, 16, 32, 64 pixels; .* ConvNet r = 8 at 4, 8, 16, 32, 64 pix",
    "square-or-mirror": r"mirror windows are ahead by 10.00 \[10.00, 10.00\] points on closedness, mirror .* symmetry",
    "use-of-bound": r"on digits from 1.88 at the smallest width to 1.88",
    "entropy-and-generalisation": r"in 100 % of the classes, partitions and seeds on digits and 100 %",
    "depth": r"3 levels do best on digits \(62.0 %\) and 5 levels do best on mnist-5k",
    "settings": r"Beyond chance better than a rate 3e-3 on the tenth apart: none\.",
    "compression": r"at 0.125 of the parameters on digits scratch do best with 77.0 % \(the whole network 52.0, from",
}


@pytest.mark.parametrize("name", list(TOLD))
def test_what_is_told_follows_the_trials(name):
    experiment = named(name)
    found = experiment.tell([Trial(one, made_up(one), 1.0) for one in experiment.trials(False)])
    assert re.search(TOLD[name], found.answer), found.answer
    assert found.rows
    assert {len(row) for row in found.rows} == {len(found.head)}
    assert not any("|" in cell for row in (found.head, *found.rows) for cell in row)  # a column of Markdown more
    if name == "compression":
        assert ("digits", "cores, 0.25", "3", "4", "0.5", "10.0", "74.00 [74.00, 74.00]", "5") in found.rows
        assert not any("singular values, 0.125" in row for row in found.rows)
    if name == "entropy-and-generalisation":
        assert found.rows[0][:7] == ("digits", "left-right", "0.500", "10.000", "100", "1.00 (0.00)", "1.00 (0.00)")


def test_winners_that_hold_more_entropy_are_counted():
    """The base wins with more at the fine board and, by what its seeds spread, no more at the coarse one."""
    fine = {"base": (2.0, 2.1), "tip": (1.0, 1.2)}
    coarse = {"base": (0, 2), "tip": (1, 1)}
    trials = []
    for profile, seed in product(fine, range(2)):
        held = (("chess:1", fine[profile][seed]), ("chess:16", coarse[profile][seed]))
        rows = [{"partition": A, "bound": 3.0, "renyi2": [value] * 2} for A, value in held]
        facts = {"network": "ConvAC", "profile": profile, "r": 4, "size": 8, "seed": seed}
        trials.append(Trial(facts, {"test": 0.7 if profile == "base" else 0.5, "entropies": rows}, 1.0))
    told = named("base-or-tip").tell(trials).answer
    assert "the base for ConvAC r = 4 at 8 pixels. Of 1 winners measured, Renyi-2 is beyond chance " in told
    assert told.endswith("at chess:1 more in 1 and less in 0, at chess:16 more in 0 and less in 0.")


def test_the_share_of_a_bound_is_averaged_over_partitions_and_classes():
    first, second = {"partition": "center", "bound": 2.0}, {"partition": "quadrant", "bound": 1.0}
    looks = [[{**first, "renyi2": [0.5, 0.5]}], [{**first, "renyi2": [1, 2]}, {**second, "renyi2": [1, 1]}]]
    result = {"test": 0.5, "looks": [{"step": place, "entropies": rows} for place, rows in enumerate(looks)]}
    trials = [Trial({"data": "digits", "r": 2, "seed": seed}, result, 1.0) for seed in range(3)]
    found = named("use-of-bound").tell(trials)
    same = [f"{value} [{value}, {value}]" for value in ("50.00", "0.250", "0.875", "1.250")]
    assert found.rows == (("digits", "2", *same, "center 0.750, quadrant 1.000", "0.750 of 0, 1.000 of 1", "3"),)
    assert "from 0.88 at the smallest width" in found.answer


def test_the_width_that_is_enough_is_the_least_that_chance_explains():
    def trial(r, seed, test, nats):
        rows = [{"partition": "center", "bound": 2.0, "renyi2": [nats]}]
        return Trial({"data": "digits", "r": r, "seed": seed}, {"test": test, "looks": [{"entropies": rows}] * 2}, 1.0)

    noise = (0.0, 0.01, -0.01)
    trials = [
        *(trial(2, seed, 0.5 + noise[seed], 0.1 + noise[seed] / 2) for seed in range(3)),
        *(trial(5, seed, 0.9 - noise[seed], 0.3 + noise[seed] / 3) for seed in range(3)),
        *(trial(9, seed, 0.9 + noise[seed], 0.6 - noise[seed]) for seed in range(3)),
    ]
    found = named("use-of-bound").tell(trials)
    assert "more width than r = 5 changes no accuracy beyond chance, entropy still changes up to r = 9" in found.answer


def test_means_have_students_interval():
    values = [1.0, 2.0, 4.0, 3.0]
    found = mean(values)
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    np.testing.assert_allclose(found, (2.5, low, high, 4))
    assert np.isnan(mean([1.0]).lower)
    with pytest.raises(ValueError, match="values: wanted at least one"):
        mean([])
    np.testing.assert_allclose(paired({0: 3.0, 1: 5.0, 7: 0.0}, {1: 3.0, 0: 2.0})[0], 1.5)
    trials = [Trial(one, {}, 0.0) for one in reversed(SETTINGS)]
    assert {values: len(group) for values, group in grouped(trials, ("r",)).items()} == {(2,): 2, (4,): 2}


@pytest.mark.slow
def test_entropies_stay_below_their_bounds_and_watchers_see_the_module():
    data = load("digits")
    arch = tnsim.ConvAC((8, 8), 3, (3, 3, 3), (2, 2, 2), 10)
    module = tnsim.nn.NormalisedConvAC(arch, tnsim.nn.Fourier(), rngs=nnx.Rngs(0))
    seen = {}
    config = TrainConfig(steps=6, evaluate_every=3, validation_fraction=0.0)
    reached = trained(module, data, config, lambda step, now: seen.update({step: now.params()}))
    assert list(seen) == [3, 6]
    assert reached["steps"] == 6
    for name, bank in module.params().items():
        np.testing.assert_array_equal(bank, seen[6][name])
        assert name == "output" or not np.array_equal(bank, seen[3][name])
    for row in entropies(module.folded(), data, ("left-right", "chess:4"), (0, 5)):
        assert row["bound"] == pytest.approx(np.log(3))
        for (S, lower, upper), S_2 in zip(row["entropy"], row["renyi2"], strict=True):
            assert lower <= S <= upper
            assert 0 <= S_2 <= S + 1e-6
            assert row["bound"] >= S - 1e-6


def command(folder, *more):
    words = ["experiment", QUICK, "--quick", "--workers", "1", "--out", str(folder), *more]
    return [sys.executable, "-m", "tnsim", *words]


@pytest.mark.slow
def test_killed_runs_repeat_only_what_was_not_done(tmp_path):
    path = results.path_of(tmp_path, QUICK)
    with subprocess.Popen(command(tmp_path), env=ALONE, stderr=subprocess.PIPE, start_new_session=True) as process:
        end = time.monotonic() + 300
        while not path.exists():
            assert process.poll() is None, process.stderr.read().decode()
            assert time.monotonic() < end
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    first = results.read(tmp_path, named(QUICK))
    assert len(first) == 1
    done = subprocess.run(command(tmp_path), env=ALONE, capture_output=True, text=True, timeout=600, check=True)
    assert "2 trials in" in done.stderr
    second = results.read(tmp_path, named(QUICK))
    assert len(second) == 2
    assert first.items() <= second.items()  # its seconds too: it did not run again


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_workers_end_with_a_killed_parent(tmp_path):
    process = subprocess.Popen(command(tmp_path), env=ALONE, stderr=subprocess.DEVNULL, start_new_session=True)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        wait_until(lambda: any(b"spawn_main" in cmdline(pid) for pid in children.read_text().split()))
        time.sleep(5)  # the worker is at its trial
        workers = [pid for pid in children.read_text().split() if b"spawn_main" in cmdline(pid)]
        process.kill()
        process.wait()
        wait_until(lambda: not any(b"spawn_main" in cmdline(pid) for pid in workers))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def cmdline(pid):
    """What a process runs; nothing where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def wait_until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
def test_a_failing_trial_is_named(tmp_path):
    bad = ({"data": "nothing", "epochs": 1, "r": 2, "seed": 0},)
    with pytest.raises(TrialError, match=r"1 of 1 trials failed, the first: data=nothing epochs=1 .*DataError"):
        run_experiment(replace(named(QUICK), trials=lambda quick: bad), tmp_path, executors.here(1))
    with pytest.raises(ValueError, match="workers: wanted a positive number, found 0"):
        executors.here(0)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system keeps no process to a core")
def test_a_process_kept_to_a_core_takes_one_thread_for_its_linear_algebra():
    script = (
        "import multiprocessing, os, numpy; from threadpoolctl import threadpool_info\n"
        "from tnsim.experiments.executors import _on_own_core\n"
        "_on_own_core(multiprocessing.Value('i', 0), len(os.sched_getaffinity(0)))\n"
        "print(len(os.sched_getaffinity(0)), max(pool['num_threads'] for pool in threadpool_info()))"
    )
    alone = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=alone).stdout
    assert told.split() == ["1", "1"]


@pytest.mark.slow
def test_a_lost_worker_is_told(tmp_path):
    def kill_one():
        while not (found := multiprocessing.active_children()):
            time.sleep(0.05)
        os.kill(found[0].pid, signal.SIGKILL)

    threading.Thread(target=kill_one, daemon=True).start()
    with pytest.raises(TrialError, match=r"data=digits .*: a worker process was lost .*; the same command goes on"):
        run_experiment(named(QUICK), tmp_path, executors.here(1), quick=True)


def test_a_cluster_is_given_no_more_than_it_can_begin():
    given, done = [], []

    class Client:
        def nthreads(self):
            return {"one": 1, "two": 1}

    class Queue:  # what ends first, was given first
        def add(self, future):
            done.append(future)

        def __iter__(self):
            while done:
                yield done.pop(0)

    class Future:
        def __init__(self, settings):
            given.append(settings)

        def result(self):
            return Trial({}, {}, len(given))

    outcomes = executors._as_workers_are_free(Queue(), Client(), Future, iter({"seed": s} for s in range(5)))
    assert [trial.seconds for trial in outcomes] == [2, 3, 4, 5, 5]
    assert [one["seed"] for one in given] == list(range(5))


def test_clusters_that_do_not_answer_are_named(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "ANSWER_WITHIN", 0.5)
    with (
        pytest.raises(ClusterError, match=r"cluster: wanted a dask scheduler at 'tcp://127.0.0.1:1', found"),
        on_cluster("tcp://127.0.0.1:1")(QUICK, []),
    ):
        pass


CLUSTER = """
import os, signal, sys, threading
from distributed import LocalCluster
from tnsim.experiments import named, on_cluster, run

def main(folder):
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]
        lost = threading.Event()
        kill = threading.Timer(3, lambda: (os.kill(pids[0], signal.SIGKILL), lost.set()))
        kill.start()  # when either worker is at its trial
        early = []
        said = lambda done, of, trial: early.append(not lost.is_set())
        done = run(named("use-of-bound"), folder, on_cluster(cluster.scheduler_address), quick=True, said=said)
    print(len(done), sum(early))

if __name__ == "__main__":
    main(sys.argv[1])
"""


@pytest.mark.slow
def test_a_cluster_goes_on_without_a_killed_worker(tmp_path):
    pytest.importorskip("distributed")
    script = tmp_path / "job.py"
    script.write_text(CLUSTER)
    job = [sys.executable, str(script), str(tmp_path)]
    found = subprocess.run(job, env=ALONE, capture_output=True, text=True, timeout=600)
    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == ["2", "0"]


def test_settings_are_chosen_on_training_images_alone():
    data = load("digits")
    apart = held_apart(data, 1)
    every = {image.tobytes() for image in data.train_images}
    parts = [{image.tobytes() for image in images} for images in (apart.train_images, apart.test_images)]
    assert parts[0] | parts[1] == every
    assert len(apart.test_labels) == pytest.approx(len(data.train_labels) / 10, abs=10)
    assert len(apart.train_labels) + len(apart.test_labels) == len(data.train_labels)
