"""The command line: what it prints, its exit codes, and one line for a user's mistake."""

import json
import os
import re
import subprocess
import sys

import jax
import numpy as np
import pytest
from flax import nnx

import tnsim
from tnsim import cli, parsing
from tnsim.entanglement import schmidt
from tnsim.memory import MemoryLimitError
from tnsim.report import rows
from tnsim.train.data import load
from tnsim.train.model_file import save

ARCH = tnsim.ConvAC((4, 4), 3, (5, 6), (2, 2), 3)


def run(monkeypatch, capsys, *arguments):
    """(exit code, standard output, standard error) of one command."""
    monkeypatch.setattr(sys, "argv", ["tnsim", *map(str, arguments)])
    try:
        cli.main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def tnsim_command(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    return lambda *arguments: run(monkeypatch, capsys, *arguments)


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    module = tnsim.nn.ConvAC(ARCH, tnsim.nn.Fourier(), rngs=nnx.Rngs(0))
    gram = np.tile(tnsim.nn.Fourier().gram(), (16, 1, 1)).tolist()
    save(path, module, extra={"classes": ["a", "b", "c"], "dataset": "made", "seed": 0, "gram": gram})
    return path


def test_bounds_prints_the_min_cut(tnsim_command):
    code, out, _ = tnsim_command(
        "bounds", "--sites", "64x64", "--features", 10, "--channels", "64,64,32,32,16,16", "--windows", "2,2,2,2,2,2",
        "--partition", "chess:8", "--partition", "left-right",
    )  # fmt: skip
    assert code == 0
    assert "80.00" in out  # log2 of the min-cut, the published table
    assert "4.00" in out


def test_bounds_json_holds_exact_integers(tnsim_command):
    arguments = ("bounds", "--sites", 8, "--features", 3, "--channels", "4,4,4", "--windows", "2,2,2", "--json")
    _, out, _ = tnsim_command(*arguments, "--partition", "0,2,4,6")
    (row,) = json.loads(out)["bounds"]
    assert row["min_cut"]["value"] == "81"
    assert row["rank_bounds"]["lower"] == row["rank_bounds"]["upper"] == 81


def test_measure_equals_the_library(tnsim_command, model_path):
    code, out, _ = tnsim_command("measure", model_path, "--partition", "left-right", "--label", 1, "--json")
    (row,) = json.loads(out)["measurements"]
    module, notes = tnsim.train.load_model(model_path)
    state = ARCH.state(module.params(), 1, "function", np.array(notes["gram"]))
    assert code == 0
    assert row["class"] == "b"
    assert row["entropy"] == pytest.approx(float(state.entropy("left-right")), abs=1e-10)
    assert row["rank"] == state.schmidt("left-right").rank()


def test_measure_in_bits_and_in_the_coefficient_measure(tnsim_command, model_path):
    state = ARCH.state(tnsim.train.load_model(model_path)[0].params(), 0)
    _, out, _ = tnsim_command(
        "measure", model_path, "--partition", "0-7", "--label", 0, "--measure", "coefficient", "--bits"
    )
    assert f"{float(state.entropy(range(8), base=2)):.4f}" in out


def test_measure_writes_a_report(tnsim_command, model_path, tmp_path):
    code, _, _ = tnsim_command("measure", model_path, "--partition", "center", "--out", tmp_path / "new" / "folder")
    assert code == 0
    assert "<svg" in (tmp_path / "new" / "folder" / "report.html").read_text()
    assert json.loads((tmp_path / "new" / "folder" / "measurements.json").read_text())["measurements"]


@pytest.fixture
def peps_path(tmp_path):
    arch = tnsim.PEPS((2, 3), 2, 2, classes=2)
    module = tnsim.nn.TensorNetwork(arch, rngs=nnx.Rngs(0), start="random")
    save(tmp_path / "peps.safetensors", module, extra={"classes": ["a", "b"], "dataset": "made"})
    return tmp_path / "peps.safetensors"


def test_measure_writes_a_report_of_any_network_and_goes_on(tnsim_command, peps_path, tmp_path):
    asked = ("measure", peps_path, "--measure", "coefficient", "--partition", "left-right", "--rank", "--out", tmp_path)
    code, out, err = tnsim_command(*asked)
    assert (code, err.count("left-right, class")) == (0, 2)
    assert "exact rank" in out
    code, _, err = tnsim_command(*asked, "--map", "sites")
    assert (code, err.count("left-right, class"), err.count("map sites")) == (0, 0, 2)
    found = json.loads((tmp_path / "measurements.json").read_text())
    assert [row["exact_rank"]["value"] for row in found["measurements"]] == [4, 4]
    assert "Entanglement of a tensor network (PEPS), made" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
def test_a_map_of_a_data_set_beside_any_network(tnsim_command, tmp_path):
    arch = tnsim.MPS((8, 8), 2, 2)
    save(tmp_path / "mps.safetensors", tnsim.nn.TensorNetwork(arch, rngs=nnx.Rngs(0)))
    asked = ("--measure", "coefficient", "--partition", "left-right", "--data-map", "digits", "--out", tmp_path)
    code, _, _ = tnsim_command("measure", tmp_path / "mps.safetensors", *asked)
    assert code == 0
    found = json.loads((tmp_path / "measurements.json").read_text())
    assert found["measurements"][0]["label"] is None
    assert [level["sites"] for level in found["data_map"]["levels"]] == [4, 16]
    assert "Where the data" in (tmp_path / "report.html").read_text()


def test_a_model_of_bare_features_has_no_uniform_pixels(tnsim_command, peps_path):
    code, _, err = tnsim_command("measure", peps_path, "--partition", "left-right", "--gram", "uniform")
    assert (code, "--gram: the model takes features as they come" in err) == (1, True)
    code, _, err = tnsim_command("measure", peps_path, "--partition", "left-right")
    assert (code, "keeps no Gram matrices of its data; use --measure coefficient" in err) == (1, True)


@pytest.mark.parametrize("text", ["PEPS((2, 3), 2, 2)", "MPS(6, features=2, bond=4)", "CP(4, 3, 5, 2)"])
def test_bounds_of_any_kind(tnsim_command, text):
    code, out, _ = tnsim_command("bounds", "--architecture", text, "--partition", "left-right", "--json")
    (row,) = json.loads(out)["bounds"]
    arch = eval(text, vars(tnsim))
    assert code == 0
    assert row["min_cut"]["value"] == str(tnsim.bounds.min_cut(arch, "left-right").value)
    assert row["rank_bounds"]["upper"] == tnsim.bounds.rank_bounds(arch, "left-right").upper


def test_bounds_of_a_model_file(tnsim_command, peps_path):
    code, out, _ = tnsim_command("bounds", "--model", peps_path, "--partition", "top-bottom")
    assert code == 0
    assert "2^3" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "wanted one of --architecture; --model; --sites, --channels, --windows, found none"),
        (("--sites", "8", "--architecture", "MPS(4, 2, 2)"), "found --architecture and --sites"),
        (("--sites", "8"), "--channels, --windows: wanted both beside --sites"),
        (("--architecture", "Tree(4)"), "--architecture: wanted one of CP, ConvAC, DilatedConvAC, MERA"),
        (("--architecture", "MPS(4)"), "--architecture: MPS: "),
        (("--architecture", "MPS(4, 2, -1)"), "bond"),
        (("--architecture", "print(open('x'))"), "wanted a kind with its arguments, 'MPS(16, 2, 4)'"),
        (("--architecture", "MPS(4"), "wanted a kind with its arguments, 'MPS(16, 2, 4)'"),
    ],
)
def test_a_mistake_in_an_architecture_is_one_line(tnsim_command, options, message):
    code, out, err = tnsim_command("bounds", *options, "--partition", "left-right")
    assert (code, out) == (1, "")
    assert message in err


MISTAKES = [
    (("--partition", "16"), "sites must lie in 0..15, found 16"),
    (("--partition", "0-15"), "A must leave at least one site to B"),
    (("--partition", "sideways"), "wanted site numbers, a mask or one of left-right"),
    (("--partition", "window:2:0"), "levels are 0..1, found 2"),
    (("--partition", "center", "--label", "7"), "label: wanted an integer in 0..2, found 7"),
    (("--partition", "center", "--measure", "sum"), "measure: wanted one of"),
    (("--partition", "center", "--gram", "guess"), "--gram: wanted data or uniform"),
    (("--partition", "center", "--memory", "much"), "memory: wanted bytes or a text like '8GB', found 'much'"),
    (("--partition", "center", "--atol", "0"), "atol: wanted a number > 0, found 0.0"),
    (("--partition", "center", "--atol", "-1"), "atol: wanted a number > 0, found -1.0"),
    (("--partition", "center", "--seconds", "0"), "seconds: wanted a number > 0, found 0.0"),
    (("--partition", "center", "--map", "rooms"), "map: wanted one of windows, sites, mutual, found 'rooms'"),
    (("--partition", "checkerboard", "--memory", "1KB"), "entropy: the smallest certified pass needs about 44.4 MB"),
    (("--partition", "checkerboard", "--memory", "1KB", "--renyi-only"), "the fold of two replicas needs about"),
    (("--partition", "center", "--measure", "data"), "--measure data: source: must be one of ['digits'"),
    (("--partition", "center", "--partition", "center"), "wanted every name once, found 'center' again"),
    ((), "--partition: wanted at least one partition, or a --map, found none"),
    (("--partition", "nowhere.npy"), "--partition: nowhere.npy: cannot be read"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES)
def test_a_mistake_is_one_line(tnsim_command, model_path, options, message):
    code, out, err = tnsim_command("measure", model_path, *options)
    assert code == 1
    assert message in err
    assert "Traceback" not in err
    assert out == ""


def test_an_interval_holds_the_exact_entropy(tnsim_command, model_path, monkeypatch):
    arguments = ("measure", model_path, "--partition", "checkerboard", "--label", 1, "--atol", 0.1)
    _, out, _ = tnsim_command(*arguments, "--json")
    exact = json.loads(out)["measurements"][0]
    assert exact["entropy_estimate"]["method"] == "exact spectrum"
    monkeypatch.setattr(schmidt, "spectra", _refused)
    _, out, err = tnsim_command(*arguments, "--json")
    assert err == ""
    (row,) = json.loads(out)["measurements"]
    held = row["entropy_estimate"]
    assert held["lower"] <= exact["entropy"] <= held["upper"]
    assert held["upper"] - held["lower"] <= 0.1
    assert row["entropy_error"] == pytest.approx((held["upper"] - held["lower"]) / 2)
    assert row["rank"] is None
    assert row["renyi2"] == pytest.approx(exact["renyi2"], abs=1e-9)


def _refused(*arguments, **options):
    raise MemoryLimitError("out of reach")


def test_the_table_shows_the_interval(tnsim_command, model_path, monkeypatch):
    monkeypatch.setattr(schmidt, "spectra", _refused)
    arguments = ("measure", model_path, "--partition", "left-right", "--label", 0)
    _, out, err = tnsim_command(*arguments)
    (low, high) = re.search(r"\d\.\d{4} \[(\d\.\d{4}), (\d\.\d{4})\]", out).groups()
    assert float(low) <= float(high)
    assert err.startswith(f"left-right, class a: S {re.search('[0-9.]+ .*]', out)[0]} nats (certified, ")


def test_a_printed_interval_holds_what_it_holds():
    found = {"value": 1.61355, "lower": 1.60604, "upper": 1.62119, "method": "certified, a below and b above"}
    assert rows.figure({"entropy_estimate": found}) == "1.6136 [1.6060, 1.6212]"
    assert rows.figure({"entropy_estimate": found}, bits=True) == "2.3279 [2.3170, 2.3389]"
    assert rows.figure({"entropy_estimate": found | {"method": "exact spectrum"}}) == "1.6136"
    assert rows.figure({}) == "-"


def test_a_row_of_little_memory_keeps_its_renyi_entropy(tnsim_command, model_path):
    arguments = ("measure", model_path, "--partition", "checkerboard", "--label", 0, "--memory", "1MB")
    code, out, err = tnsim_command(*arguments)
    assert code == 0
    assert "S_2" in err
    assert "needs about 44.4 MB, above the limit of 1 MB" in err
    assert "│ -" in out


def test_the_leading_values_are_those_of_the_spectrum(tnsim_command, model_path, monkeypatch):
    arguments = ("measure", model_path, "--partition", "checkerboard", "--label", 2, "--top", 3, "--json")
    exact = json.loads(tnsim_command(*arguments)[1])["measurements"][0]["leading"]
    monkeypatch.setattr(schmidt, "spectra", _refused)
    found = json.loads(tnsim_command(*arguments, "--atol", 0.5)[1])["measurements"][0]["leading"]
    np.testing.assert_allclose(found["values"], exact["values"], rtol=1e-6)
    assert found["missing"] == pytest.approx(exact["missing"], abs=1e-6)


def test_the_exact_rank_stands_beside_the_float_rank(tnsim_command, model_path):
    arguments = ("measure", model_path, "--partition", "left-right", "--label", 0, "--rank", "--measure", "coefficient")
    (row,) = json.loads(tnsim_command(*arguments, "--json")[1])["measurements"]
    assert row["exact_rank"]["value"] == row["rank"] == 6
    assert row["exact_rank"]["certain"]
    assert "exact rank" in tnsim_command(*arguments)[1]


def test_maps_equal_the_library(tnsim_command, model_path):
    asked = [word for kind in ("windows", "sites", "mutual") for word in ("--map", kind)]
    code, out, _ = tnsim_command("measure", model_path, *asked, "--label", 1, "--json")
    assert code == 0
    windows, sites, mutual = json.loads(out)["maps"]
    module, notes = tnsim.train.load_model(model_path)
    state = ARCH.state(module.params(), 1, "function", np.array(notes["gram"]))
    np.testing.assert_allclose(sites["entropies"], state.site_entropies().value, atol=1e-12)
    np.testing.assert_allclose(windows["levels"][0]["entropies"], sites["entropies"], atol=1e-8)
    assert [level["shape"] for level in windows["levels"]] == [[4, 4], [2, 2]]
    values = state.mutual_information_map().values
    assert len(mutual["pairs"]) == 48
    for i, j, value in mutual["pairs"]:
        assert value == pytest.approx(values[i, j], abs=1e-12)
    assert mutual["pairs"][0][2] == pytest.approx(np.nanmax(values), abs=1e-12)


def test_all_classes_as_one_state(tnsim_command, model_path, tmp_path):
    """As the library has it; written at once, so that a second run adds what is new alone."""
    arguments = ("measure", model_path, "--classes", "--label", 0, "--out", tmp_path)
    code, out, _ = tnsim_command(*arguments, "--partition", "left-right")
    assert code == 0
    module, notes = tnsim.train.load_model(model_path)
    states = ARCH.states(module.params(), "function", np.array(notes["gram"]))
    assert f"entropy of the class leg {float(states.class_entropy()):.4f} nats; most alike: " in out
    first = json.loads((tmp_path / "measurements.json").read_text())["whole_model"]
    np.testing.assert_allclose(first[0]["fidelities"], states.overlaps().fidelities, atol=1e-9)
    assert first[0]["classes"] == ["a", "b", "c"]
    assert first[1]["information"]["value"] == pytest.approx(float(states.mutual_information("left-right")), abs=1e-9)
    tnsim_command(*arguments, "--partition", "left-right", "--partition", "center")
    both = json.loads((tmp_path / "measurements.json").read_text())["whole_model"]
    assert both[:2] == first
    assert [part.get("partition") for part in both] == [None, "left-right", "center"]
    page = (tmp_path / "report.html").read_text()
    assert "How alike the classes are" in page
    assert page.count("I(class : A)") >= 2
    code, _, err = tnsim_command("measure", model_path, "--classes", "--measure", "data", "--images", "digits")
    assert code == 1
    assert "classes: wanted with measure coefficient or function, found data" in err


def test_many_masks_by_renyi_alone(tnsim_command, model_path, tmp_path):
    masks = np.random.default_rng(0).random((60, 4, 4)) < 0.5
    np.save(tmp_path / "masks.npy", masks)
    arguments = ("measure", model_path, "--partition", tmp_path / "masks.npy", "--renyi-only", "--label", 0)
    found = json.loads(tnsim_command(*arguments, "--json")[1])["measurements"]
    module, notes = tnsim.train.load_model(model_path)
    state = ARCH.state(module.params(), 0, "function", np.array(notes["gram"]))
    assert [row["partition"] for row in found] == [f"masks.npy:{k}" for k in range(60)]
    np.testing.assert_allclose([row["renyi2"] for row in found], state.renyi_many(masks.reshape(60, 16)), atol=1e-10)
    assert all(row["entropy"] is None for row in found)


def test_a_second_run_skips_what_is_there(tnsim_command, model_path, tmp_path, monkeypatch):
    arguments = ("measure", model_path, "--partition", "left-right", "--label", 0, "--label", 1, "--out", tmp_path)
    _, _, err = tnsim_command(*arguments)
    assert err.count("\n") == 2
    first = json.loads((tmp_path / "measurements.json").read_text())["measurements"]
    _, _, err = tnsim_command(*arguments, "--label", 2, "--partition", "center")
    assert err.count("\n") == 4
    whole = json.loads((tmp_path / "measurements.json").read_text())
    assert whole["measurements"][:2] == first
    assert len(whole["measurements"]) == 6
    assert [partition["name"] for partition in whole["partitions"]] == ["left-right", "center"]
    code, _, err = tnsim_command(*arguments, "--atol", 0.5)
    assert code == 1
    assert "holds figures of other settings (atol: there None, now 0.5); take another folder" in err


def test_a_folder_of_something_else_is_refused(tnsim_command, model_path, tmp_path):
    for content, words in (("no json", "cannot be read"), ('{"format": "tnsim-measurements/1"}', "was not written by")):
        (tmp_path / "measurements.json").write_text(content)
        code, _, err = tnsim_command("measure", model_path, "--partition", "center", "--out", tmp_path)
        assert code == 1
        assert words in err
        assert (tmp_path / "measurements.json").read_text() == content


def test_a_name_must_keep_its_sites(tnsim_command, model_path, tmp_path):
    for mask in ("1" * 8 + "0" * 8, "1" * 4 + "0" * 12):
        (tmp_path / "mask.txt").write_text(mask)
        code, _, err = tnsim_command("measure", model_path, "--partition", tmp_path / "mask.txt", "--out", tmp_path)
    assert code == 1
    assert "'mask.txt': wanted the sites it had when measured before" in err


def test_ctrl_c_leaves_the_file_whole(tnsim_command, model_path, tmp_path, monkeypatch):
    spectra, asked = schmidt.spectra, []

    def stopped(*arguments, **options):
        asked.append(1)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return spectra(*arguments, **options)

    monkeypatch.setattr(schmidt, "spectra", stopped)
    arguments = ("measure", model_path, "--partition", "left-right", "--partition", "quadrant", "--out", tmp_path)
    code, _, err = tnsim_command(*arguments)
    assert code == 130
    assert "stopped after 3 figures" in err
    assert len(json.loads((tmp_path / "measurements.json").read_text())["measurements"]) == 3
    code, _, _ = tnsim_command(*arguments)
    assert code == 0
    assert len(json.loads((tmp_path / "measurements.json").read_text())["measurements"]) == 6


def test_the_data_measure_equals_the_library(tnsim_command, tmp_path):
    arch = tnsim.ConvAC((8, 8), 3, (3, 3, 3), (2, 2, 2), 10)
    module = tnsim.nn.ConvAC(arch, tnsim.nn.Fourier(), rngs=nnx.Rngs(0))
    save(tmp_path / "m.safetensors", module, extra={"dataset": "digits"})
    arguments = ("measure", tmp_path / "m.safetensors", "--partition", "left-right", "--measure", "data", "--label", 4)
    (row,) = json.loads(tnsim_command(*arguments, "--json")[1])["measurements"]
    features = np.asarray(module.features(load("digits").train_images))
    wanted = arch.state(module.params(), 4, "data", images=features).measured("left-right")
    assert row["entropy"] == pytest.approx(wanted.spectrum.entropy(), abs=1e-10)
    assert "on these 1438 images" in row["entropy_estimate"]["note"]
    for option in (("--map", "sites"), ("--rank",), ("--renyi-only",)):
        code, _, err = tnsim_command(*arguments, *option)
        assert code == 1
        assert "wanted with measure coefficient or function, found data" in err


def test_an_unknown_option_is_a_usage_error(tnsim_command):
    code, _, err = tnsim_command("measure", "x", "--colour", "red")
    assert code == 2
    assert "--colour" in err


def test_a_file_that_is_no_model(tnsim_command, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a model")
    code, _, err = tnsim_command("measure", path, "--partition", "center")
    assert code == 1
    assert "notes.txt" in err


def test_a_truncated_model(tnsim_command, model_path, tmp_path):
    path = tmp_path / "short.safetensors"
    path.write_bytes(model_path.read_bytes()[:-100])
    code, _, err = tnsim_command("measure", path, "--partition", "center")
    assert code == 1
    assert "short.safetensors" in err


def test_a_missing_model(tnsim_command):
    code, _, err = tnsim_command("measure", "nowhere.safetensors", "--partition", "center")
    assert code == 1
    assert "nowhere.safetensors" in err


@pytest.mark.parametrize("command", [("demo", "--out"), ("train", "digits", "--out")])
def test_an_output_that_cannot_be_written(tnsim_command, tmp_path, command):
    (tmp_path / "file").write_text("in the way")
    code, _, err = tnsim_command(*command, tmp_path / "file" / "model.safetensors")
    assert code == 1
    assert "cannot write to" in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_wrong_windows_name_the_level(tnsim_command):
    code, _, err = tnsim_command(
        "bounds", "--sites", "8x8", "--channels", "4,4,4", "--windows", "2,3,2", "--partition", "center"
    )
    assert code == 1
    assert "windows: level 1" in err


def test_help_has_examples(tnsim_command):
    for command in ("demo", "train", "measure", "bounds"):
        code, out, _ = tnsim_command(command, "--help")
        assert code == 0
        assert "Example" in out


def test_python_m_tnsim():
    environment = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tnsim", "--version"], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.strip() == f"tnsim {tnsim.__version__}"


@pytest.mark.slow
def test_train_then_measure(tnsim_command, tmp_path):
    path = tmp_path / "model.safetensors"
    code, out, _ = tnsim_command("train", "digits", "--epochs", 1, "--out", path, "--json")
    assert code == 0
    assert 0 < json.loads(out)["accuracy"] <= 1
    code, out, _ = tnsim_command("measure", path, "--partition", "quadrant", "--label", 2, "--json")
    assert code == 0
    assert 0 <= json.loads(out)["measurements"][0]["entropy"] <= json.loads(out)["partitions"][0]["min_cut"]["log"]


def test_parsing():
    assert parsing.sites("8x4") == (8, 4)
    assert parsing.sites("64") == 64
    assert parsing.windows("2,2x4") == (2, (2, 4))
    assert parsing.partition("0,2-4") == [0, 2, 3, 4]
    assert parsing.partition("left-right") == "left-right"
    with pytest.raises(ValueError, match="--channels: wanted integers separated by ',', found '4;4'"):
        parsing.widths("4;4")
    with pytest.raises(ValueError, match="--sites"):
        parsing.sites("8x8x8")


def test_the_demo_parameters_are_what_jax_made(model_path):
    module, _ = tnsim.train.load_model(model_path)
    assert all(isinstance(bank, jax.Array) for bank in module.params().values())


def test_the_map_of_a_data_set_stands_in_the_report(tnsim_command, tmp_path):
    path = tmp_path / "digits.safetensors"
    arch = tnsim.ConvAC((8, 8), 3, (2, 3, 4), (2, 2, 2), 10)
    save(path, tnsim.nn.ConvAC(arch, tnsim.nn.Fourier(), rngs=nnx.Rngs(0)), extra={"classes": list("0123456789")})
    arguments = ("measure", path, "--measure", "coefficient", "--partition", "left-right", "--label", 0)
    code, _, err = tnsim_command(*arguments, "--data-map", "digits")
    assert code == 1
    assert "--data-map: wanted with --out" in err
    for more in (["--data-map", "digits"], []):  # what is there stays
        assert tnsim_command(*arguments, "--out", tmp_path / "out", *more)[0] == 0
        told = json.loads((tmp_path / "out" / "measurements.json").read_text())
        assert told["data_map"]["dataset"] == "digits"
        assert told["widths"]["sensitivity"][0]["partition"] == "left-right"
        assert "Entropy of the data by scale" in (tmp_path / "out" / "report.html").read_text()


def test_a_map_of_images_of_other_sites_is_refused(tnsim_command, model_path, tmp_path):
    arguments = ("measure", model_path, "--partition", "left-right", "--out", tmp_path, "--data-map", "digits")
    code, _, err = tnsim_command(*arguments)
    assert code == 1
    assert "data map: wanted images of 4 x 4 sites, found digits of 8 x 8" in err
