"""`tnsim explore` from outside: a missing extra, a model that does not do, and a server that ends with Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import jax
import numpy as np
import pytest

import tnsim
from tnsim import cli
from tnsim.explore import commands, explored
from tnsim.train.model_file import save

DIGITS = tnsim.ConvAC((8, 8), 3, (3, 3, 3), (2, 2, 2), 10)
PATCHED = tnsim.ConvAC((4, 4), 3, (3, 3), (2, 2), 10)


def model_file(path, arch, **notes):
    """A model of random weights, which compiles nothing."""
    rng = np.random.default_rng(0)
    banks = {name: rng.normal(size=shape).astype(np.float32) for name, shape in arch.network.bank_shapes.items()}
    save(path, tnsim.nn.ConvAC.from_params(arch, banks, tnsim.nn.Fourier()), extra=notes)
    return path


@pytest.fixture(scope="module")
def digits_path(tmp_path_factory):
    gram = np.tile(tnsim.nn.Fourier().gram(), (64, 1, 1)).tolist()
    return model_file(tmp_path_factory.mktemp("model") / "m.safetensors", DIGITS, dataset="digits", gram=gram)


def command(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["tnsim", "explore", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize("missing", ["starlette", "uvicorn.config"])
def test_without_the_extra_one_line_says_how_to_get_it(monkeypatch, capsys, digits_path, missing):
    def absent(name):
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    monkeypatch.setattr(commands, "import_module", absent)
    code, err = command(monkeypatch, capsys, digits_path)
    assert code == 1
    assert err == f"tnsim: explore: wanted {missing}, found none; pip install 'tnsim[explore]'\n"


def test_a_network_without_levels_is_told_why_and_what_there_is(tmp_path):
    path = tmp_path / "m.safetensors"
    arch = tnsim.MPS(4, 2, 2)
    banks = {name: np.ones(shape, np.float32) for name, shape in arch.network.bank_shapes.items()}
    save(path, tnsim.nn.TensorNetwork.from_params(arch, banks))
    words = "whose levels the page draws .* found MPS; the report of any network is written by `tnsim measure"
    with pytest.raises(ValueError, match=words):
        explored.opened(path)


def test_another_missing_module_is_no_missing_extra(monkeypatch, digits_path):
    def absent(name):
        raise ModuleNotFoundError("No module named 'numpy.lost'", name="numpy.lost")

    monkeypatch.setattr(commands, "import_module", absent)
    with pytest.raises(ModuleNotFoundError, match="lost"):
        commands.explore(digits_path)


def test_a_file_that_is_no_model_is_one_line(monkeypatch, capsys, tmp_path):
    code, err = command(monkeypatch, capsys, tmp_path / "none.safetensors")
    assert code == 1
    assert err.startswith("tnsim: ")
    assert "none.safetensors" in err


def test_a_model_with_too_many_sites_is_refused(monkeypatch, digits_path):
    monkeypatch.setattr(explored, "MOST_SITES", 63)
    with pytest.raises(ValueError, match="MODEL: wanted 2 to 63 sites to paint on, found 64; use `tnsim measure`"):
        explored.opened(digits_path)


def test_a_model_brings_its_measures_and_examples(digits_path):
    found = explored.opened(digits_path)
    told = found.described()
    assert told["measures"] == ["function", "uniform", "coefficient"]
    assert told["classes"] == [str(label) for label in range(10)]
    assert (told["examples"], told["examples_note"]) == (8, "")
    digits = tnsim.train.load("digits")
    wanted = digits.test_images[digits.test_labels == 3][0]
    assert np.array_equal(found.examples.to_json(3)[0]["pixels"], np.rint(255 * wanted).ravel())
    gram = found.state(3, "function").measure.grams
    np.testing.assert_allclose(gram[0], tnsim.nn.Fourier().gram(), atol=1e-12)
    assert found.state(3, "coefficient").measure.name == "coefficient"
    assert found.state(3, "function") is found.state(3, "function")


@pytest.mark.parametrize(
    ("arch", "notes", "words"),
    [
        (DIGITS, {}, "notes no data set"),
        (DIGITS, {"dataset": "no-such-set"}, "no-such-set"),
        (tnsim.ConvAC((3, 3), 3, (3,), (3,), 10), {"dataset": "digits"}, "do not lie on sites of (3, 3)"),
        (tnsim.ConvAC(16, 3, (3,), (16,), 10), {"dataset": "digits"}, "do not lie on sites of (16,)"),
    ],
)
def test_without_images_the_page_says_why(tmp_path, arch, notes, words):
    found = explored.opened(model_file(tmp_path / "m.safetensors", arch, **notes)).described()
    assert found["examples"] == 0
    assert words in found["examples_note"]
    assert found["measures"] == ["uniform", "coefficient"]


@pytest.mark.parametrize("arch", [PATCHED, tnsim.ConvAC(64, 3, (3,) * 6, (2,) * 6, 10)])
def test_images_lie_on_patches_and_on_chains(tmp_path, arch):
    found = explored.opened(model_file(tmp_path / "m.safetensors", arch, dataset="digits"))
    assert len(found.examples.to_json(0)[0]["pixels"]) == 64


@pytest.mark.parametrize(
    ("arch", "some", "none"),
    [
        (tnsim.ConvAC(8, 2, (2,) * 3, (2,) * 3, 1), {"interleaved", "window:1:0"}, {"top-bottom", "window:2:0"}),
        (tnsim.ConvAC((4, 4), 2, (2, 2), (2, 2), 1), {"chess:2", "window:0:3"}, {"chess:4", "window:1:0"}),
        (tnsim.ConvAC(2, 2, (2,), (2,), 1), {"left-right"}, {"window:0:0", "quadrant"}),
    ],
)
def test_partitions_are_offered_that_the_architecture_has(arch, some, none):
    names = explored.names_of(arch)
    assert some <= set(names)
    assert not none & set(names)
    assert len(set(names)) == len(names)


def ask(url, path, body):
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    return urllib.request.urlopen(request, timeout=60)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C of another process is a signal")
def test_it_serves_this_machine_alone_and_ends_with_ctrl_c_while_it_measures(tmp_path):
    arch = tnsim.ConvAC((8, 8), 3, (16,) * 3, (2,) * 3, 2)  # whose interval only minutes would narrow
    path = model_file(tmp_path / "m.safetensors", arch)
    command = [sys.executable, "-m", "tnsim", "explore", str(path), "--port", "0", "--no-browser"]
    environment = {**os.environ, "COLUMNS": "300", "JAX_PLATFORMS": jax.default_backend()}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        said = process.stderr.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+/", said)[0]
        assert b"<!DOCTYPE html>" in urllib.request.urlopen(url, timeout=60).read()
        mask = tnsim.partitions.mask(arch, "checkerboard").tolist()
        state = {"mask": mask, "label": 0, "measure": "uniform"}
        answer = ask(url, "api/entropy", {**state, "seconds": 600})
        first = json.loads(answer.readline())  # a pass has ended, and another is under way
        process.send_signal(signal.SIGINT)
        rest = [json.loads(line) for line in answer]
        left = process.stderr.read()
        assert process.wait(60) == 0
    assert first["progress"].startswith("chi ")
    assert rest[-1] == {"superseded": True}
    assert left.startswith("tnsim: stopped")
    assert "Traceback" not in left
