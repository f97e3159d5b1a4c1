"""The command line: what it prints, its exit codes, and one line for a user's mistake."""

import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from flax import nnx

import tnsim
from tnsim import cli, parsing
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


MISTAKES = [
    (("--partition", "16"), "sites must lie in 0..15, found 16"),
    (("--partition", "0-15"), "A must leave at least one site to B"),
    (("--partition", "sideways"), "wanted site numbers, a mask or one of left-right"),
    (("--partition", "window:2:0"), "levels are 0..1, found 2"),
    (("--partition", "center", "--label", "7"), "label: wanted an integer in 0..2, found 7"),
    (("--partition", "center", "--measure", "sum"), "measure: wanted one of"),
    (("--partition", "center", "--gram", "guess"), "--gram: wanted data or uniform"),
    (("--partition", "center", "--memory", "much"), "memory: wanted bytes or a text like '8GB', found 'much'"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES)
def test_a_mistake_is_one_line(tnsim_command, model_path, options, message):
    code, out, err = tnsim_command("measure", model_path, *options)
    assert code == 1
    assert message in err
    assert "Traceback" not in err
    assert out == ""


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
