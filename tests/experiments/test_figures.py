"""Figures: they hold the trials' means and intervals, drawings are theirs and repeat, the page shows them."""

import json
import random
import re
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from tnsim import cli
from tnsim.experiments import commands, drawing, named, results
from tnsim.experiments.compression import METHODS, PARTS
from tnsim.experiments.experiment import Trial, key
from tnsim.experiments.figure import Curve, Figure, Level, Panel, described
from tnsim.experiments.findings import figures, page

DOCS = Path(__file__).parents[2] / "docs"
DRAWN = ("accuracy", "base-or-tip", "square-or-mirror", "use-of-bound", "entropy-and-generalisation", "depth",
         "compression", "settings")  # fmt: skip
ORDER = ("left-right", "center", "chess:4", "checkerboard")
MORE = (*ORDER, "chess:1", "chess:16")
STEPS = (0, 5, 10)


def drawn_result(settings):
    """A result of random numbers, the same for the same settings."""
    rng = random.Random(key(settings))
    rows = lambda: [  # noqa: E731
        {"partition": A, "bound": 3.0 + place, "renyi2": [rng.uniform(0.1, 2) for _ in range(3)]}
        for place, A in enumerate(MORE)
    ]
    looks = [{"step": s, "entropies": rows(), "test_by_class": [rng.random() for _ in range(3)]} for s in STEPS]
    small = [
        {"method": method, "part": part, "parameters": 3, "multiply_adds": 4, "before": 0.1,
         "test": rng.random(), "loss": rng.random()}
        for method in METHODS for part in PARTS
    ]  # fmt: skip
    found = {"test": rng.uniform(0.5, 1), "train": 1.0, "small": small, "multiply_adds": 5, "ranks": [2]}
    found |= {"trees": [rng.random(), rng.random()], "parameters": 7, "r": 3}
    return {**found, "looks": looks, "entropies": rows(), "entropies_at_start": rows()}


def trials_of(name, seeds=3):
    every = [Trial(one, drawn_result(one), 1.0) for one in named(name).trials(False)]
    return [trial for trial in every if trial.settings["seed"] < seeds]


def figure_of(name, seeds=3):
    return named(name).tell(trials_of(name, seeds)).figure


def points(panel, name):
    """(y, lower, upper) by x of the one curve of a name."""
    (curve,) = (curve for curve in panel.curves if curve.name == name)
    return dict(zip(curve.x, zip(curve.y, curve.lower, curve.upper, strict=True), strict=True))


def interval(values):
    """The mean and Student's interval, from the definition."""
    return np.mean(values), *stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))


def check(panel, name, trials, setting, measured):
    """The curve's points are those of the trials of each value of the setting."""
    found, values = points(panel, name), {trial.settings[setting] for trial in trials}
    assert set(found) == values
    for value in values:
        wanted = interval([measured(trial) for trial in trials if trial.settings[setting] == value])
        np.testing.assert_allclose(found[value], wanted)


def of(trials, **wanted):
    return [trial for trial in trials if wanted.items() <= trial.settings.items()]


def percent(trial):
    return 100 * trial.result["test"]


def entropy(rows, partition):
    (row,) = (row for row in rows if row["partition"] == partition)
    return np.mean(row["renyi2"])


def check_beside_bound(panel, trials, setting):
    check(panel, "at the start", trials, setting, lambda t: entropy(t.result["entropies_at_start"], "left-right"))
    check(panel, "when trained", trials, setting, lambda t: entropy(t.result["entropies"], "left-right"))
    bound = panel.curves[-1]
    assert (bound.name, bound.reference, set(bound.y)) == ("ln(min-cut)", True, {3.0})


def test_accuracy_is_drawn_beside_what_others_published():
    trials, figure = trials_of("accuracy"), figure_of("accuracy")
    assert figure.columns == 3
    for panel in figure.panels:
        same = of(trials, data=panel.title)
        check(panel, "sum of trees", same, "sites", percent)
        check(panel, "one tree", same, "sites", lambda t: 100 * np.mean(t.result["trees"]))
    levels = {panel.title: [level.y for level in panel.levels] for panel in figure.panels}
    assert levels == {"digits": [], "mnist-5k": [94.6], "fashion-mnist": [88, 90.3, 91.7]}


def test_settings_are_drawn_by_what_was_changed():
    trials, panels = trials_of("settings"), figure_of("settings").panels
    titles = ["digits, pixels", "mnist-5k, pairs", "mnist-5k, patches", "mnist-5k, pixels"]
    assert [panel.title for panel in panels] == titles
    for panel in panels:
        data, sites = panel.title.split(", ")
        check(panel, "one tree", of(trials, data=data, sites=sites), "variant", percent)


def test_base_and_tip_are_drawn_against_the_size_of_the_digit():
    trials, figure = trials_of("base-or-tip"), figure_of("base-or-tip")
    *networks, fine, coarse = figure.panels
    assert [panel.title for panel in networks] == [f"{n}, r = {r}" for n in ("ConvAC", "ConvNet") for r in (4, 8)]
    for panel in (fine, coarse):
        for profile in ("base", "tip"):
            same, A = of(trials, profile=profile, network="ConvAC", r=4), panel.title
            check(panel, f"wide at the {profile}", same, "size", lambda t, A=A: entropy(t.result["entropies"], A))
    for panel in networks:
        network, r = panel.title.split(", r = ")
        for profile in ("base", "tip"):
            same = of(trials, network=network, r=int(r), profile=profile)
            check(panel, f"wide at the {profile}", same, "size", percent)


def test_geometries_are_drawn_by_task_and_their_entropies_beside_the_bound():
    trials, (accuracy, *entropies) = trials_of("square-or-mirror"), figure_of("square-or-mirror").panels
    for geometry in ("square", "mirror"):
        check(accuracy, f"{geometry} windows", of(trials, geometry=geometry), "task", percent)
    assert len(entropies) == 2
    for panel, task in zip(entropies, ("closedness", "symmetry"), strict=True):
        assert task in panel.title
        check_beside_bound(panel, of(trials, task=task), "geometry")


def test_the_share_of_the_bound_is_drawn_against_the_width():
    def share(trial, look):
        rows = trial.result["looks"][look]["entropies"]
        return np.mean([np.mean(row["renyi2"]) / row["bound"] for row in rows])

    trials, panels = trials_of("use-of-bound"), figure_of("use-of-bound").panels
    for place, data in enumerate(("digits", "mnist-5k")):
        same = of(trials, data=data)
        check(panels[place], "at the start", same, "r", lambda t: share(t, 0))
        check(panels[place], "when trained", same, "r", lambda t: share(t, -1))
        check(panels[2 + place], "when trained", same, "r", percent)


def test_entropies_are_drawn_through_training_and_by_class():
    trials, panels = trials_of("entropy-and-generalisation"), figure_of("entropy-and-generalisation").panels
    for place, data in enumerate(("digits", "mnist-5k")):
        looks = [trial.result["looks"] for trial in of(trials, data=data)]
        for A in ORDER:
            found = points(panels[place], A)
            for number, step in enumerate(STEPS):
                values = [entropy(look[number]["entropies"], A) for look in looks]
                np.testing.assert_allclose(found[step], interval(values))
        for number, curve in enumerate(panels[2 + place].curves):
            ends = [look[-1] for look in looks]
            np.testing.assert_allclose(curve.x, np.mean([e["entropies"][number]["renyi2"] for e in ends], axis=0))
            np.testing.assert_allclose(curve.y, 100 * np.mean([e["test_by_class"] for e in ends], axis=0))


def test_compressed_networks_are_drawn_against_what_is_left_of_them():
    trials, panels = trials_of("compression"), figure_of("compression").panels
    for place, data in enumerate(("digits", "mnist-5k")):
        same = of(trials, data=data)
        for method, part in product(METHODS, PARTS):
            rows = [row for trial in same for row in trial.result["small"] if row["method"] == method]
            rows = [row for row in rows if row["part"] == part]
            wanted = interval([100 * row["test"] for row in rows])
            np.testing.assert_allclose(points(panels[place], method)[part], wanted)
            if method != "scratch":
                lost = points(panels[2 + place], method)[part]
                np.testing.assert_allclose(lost, interval([row["loss"] for row in rows]))
        (whole,) = panels[place].levels
        np.testing.assert_allclose(whole.y, np.mean([percent(trial) for trial in same]))


def test_accuracy_and_entropy_are_drawn_against_depth():
    trials, panels = trials_of("depth"), figure_of("depth").panels
    for place, data in enumerate(("digits", "mnist-5k")):
        same = of(trials, data=data)
        check(panels[place], "when trained", same, "levels", percent)
        check_beside_bound(panels[2 + place], same, "levels")


@pytest.mark.parametrize("name", DRAWN)
def test_figures_say_what_they_show_and_one_seed_has_no_interval(name):
    figure = figure_of(name, seeds=1)
    assert figure.about.endswith(".")
    assert not re.search(r"[0-9\n\[\]]", figure.about.replace("Renyi-2", ""))
    assert all(panel.title and panel.x and panel.y and panel.curves for panel in figure.panels)
    assert "NaN" not in described(figure)
    if name != "accuracy":  # whose splits are many
        assert {side for panel in figure.panels for c in panel.curves for side in c.lower or ()} <= {None}


def test_curves_of_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match=r"curve 'one': wanted x, y, lower and upper of equal lengths, found \[2, 1\]"):
        Curve("one", (1, 2), (3.0,))
    with pytest.raises(ValueError, match="of equal lengths"):
        Curve("one", (1,), (3.0,), lower=(2.0,))


SMALL = Figure(
    "Heights by kind, and against time.",
    (
        Panel("kinds", "kind & sort", "height, m", (Curve("ours", ("a", "b"), (1.0, 2.0), (0.5, None), (1.5, None)),
              Curve("most", ("a", "b"), (3.0, 3.5), reference=True)), (Level("published by others: 0.2", 0.2),)),
        Panel("times", "time, s", "height, m", (Curve("ours", (1, 10), (1.0, 2.0), (0.5, None), (1.5, None)),
              Curve("loose", (2, 5), (1.0, 0.1), joined=False)), log_x=True, log_y=True),
    ),
    columns=2,
)  # fmt: skip


@pytest.fixture
def matplotlib():
    return pytest.importorskip("matplotlib")


def text_of(svg):
    return ["".join(node.itertext()).strip() for node in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def description_of(svg):
    return ElementTree.fromstring(svg).find(".//{http://purl.org/dc/elements/1.1/}description").text


def test_equal_figures_give_equal_bytes_whatever_the_users_settings(matplotlib):
    first = {kind: drawing.picture(SMALL, kind) for kind in drawing.KINDS}
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.edgecolor": "red"}):
        assert {kind: drawing.picture(SMALL, kind) for kind in drawing.KINDS} == first
        assert matplotlib.rcParams["font.size"] == 30
    assert first["png"].startswith(b"\x89PNG")


def test_many_values_on_a_logarithmic_axis_are_not_all_labelled(matplotlib):
    x = tuple(np.geomspace(0.013, 0.61, 26).tolist())
    panel = Panel("one", "loss", "height, m", (Curve("ours", x, x, joined=False),), log_x=True)
    words = text_of(drawing.picture(Figure("A scatter.", (panel,)), "svg"))
    assert {"0.02", "0.05", "0.1", "0.2", "0.5"} <= set(words)
    assert f"{x[3]:g}" not in words


def test_a_drawing_has_the_labels_as_text_and_tells_what_it_shows(matplotlib):
    svg = drawing.picture(SMALL, "svg")
    words = text_of(svg)
    for word in ("(a) kinds", "(b) times", "kind & sort", "time, s", "height, m", "ours", "most", "loose", "a", "10"):
        assert word in words
    assert " ".join(words).count("published by others: 0.2") or {"published by others:", "0.2"} <= set(words)
    assert json.loads(description_of(svg)) == json.loads(described(SMALL))


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("name", DRAWN)
def test_every_experiment_is_drawn(matplotlib, name, seeds):
    figure = figure_of(name, seeds)
    words = text_of(drawing.picture(figure, "svg"))
    for panel in figure.panels:
        assert {panel.x, panel.y} <= set(words)
        assert {curve.name for curve in panel.curves} <= set(words) or len(panel.curves) == 1


def test_names_look_the_same_in_all_panels():
    looks = drawing._looks(figure_of("square-or-mirror"))
    assert len({look.colour for look in looks.values()}) == len(looks) == 5
    assert len({look.marker for look in looks.values()}) == 5
    assert looks["ln(min-cut)"].colour == drawing.GREY


@pytest.fixture
def folder(tmp_path):
    """Results of two experiments."""
    place = tmp_path / "results"
    place.mkdir()
    for name in ("depth", "accuracy"):
        results.write(place, named(name), {key(trial.settings): trial for trial in trials_of(name)})
    return place


def test_the_command_writes_the_page_and_the_figures_that_it_shows(matplotlib, folder, tmp_path, capsys):
    out = tmp_path / "pages" / "found.md"
    commands.findings(folder, out)
    text = out.read_text(encoding="utf-8")
    assert text == page(folder)
    assert len(re.findall(r"^## ", text, flags=re.MULTILINE)) == 2
    for name, figure in figures(folder).items():
        assert f"![{figure.about}](figures/{name}.svg)" in text
        assert f"](figures/{name}.png)" in text
        for kind in drawing.KINDS:
            assert (out.parent / "figures" / f"{name}.{kind}").read_bytes() == drawing.picture(figure, kind)
    assert {path.name for path in (out.parent / "figures").iterdir()} == {
        f"{name}.{kind}" for name in ("accuracy", "depth") for kind in drawing.KINDS
    }


def test_without_matplotlib_one_line_says_what_to_install_and_nothing_is_written(
    monkeypatch, folder, tmp_path, capsys
):  # fmt: skip
    def missing(module):
        raise ImportError(f"No module named {module!r}")

    monkeypatch.setattr(drawing, "import_module", missing)
    with pytest.raises(drawing.DrawingError, match="figures: wanted matplotlib, found none"):
        drawing.picture(SMALL, "svg")
    monkeypatch.setattr("sys.argv", ["tnsim", "findings", str(folder), "--out", str(tmp_path / "found.md")])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    assert "pip install 'tnsim[figures]'" in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
    assert "figures/depth.svg" in page(folder)  # the text needs no matplotlib


def test_the_figures_of_the_findings_are_those_of_the_results():
    text, wanted = (DOCS / "findings.md").read_text(encoding="utf-8"), figures(DOCS / "experiments")
    assert re.findall(r"\]\(figures/(.+)\.svg\)", text) == list(wanted)
    for name, figure in wanted.items():
        shown = (DOCS / "figures" / f"{name}.svg").read_text(encoding="utf-8")
        assert json.loads(description_of(shown)) == json.loads(described(figure)), f"{name}: draw it again"
        assert (DOCS / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
