"""`tnsim design`: what it writes is what `tnsim train` reads; what cannot be is said in a line."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import tnsim
from tnsim.cli import app
from tnsim.design import contrast
from tnsim.designing import Asked, designed, tell
from tnsim.train.data import Dataset, load
from tnsim.train.recipes import for_images


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("design")
    return folder, tell(load("digits"), Asked(3000, samples=150, windows=3), folder, shown=False)


def test_digits_want_more_width_above_the_lowest_level(digits):
    folder, found = digits
    assert found.arch.parameters == found.chosen.cost <= 3000
    first, second, _ = found.arch.channels
    assert first < second  # 4 x 4 pixels of a digit are joined to the rest by more than 2 x 2 are
    assert all(found.chosen.loss <= one.loss for one in found.alternatives)
    assert {path.name for path in folder.iterdir()} == {"design.json", "design.html", "looks"}
    arch, *_ = for_images(load("digits"))
    assert designed(folder / "design.json", arch) == found.arch


def test_the_page_shows_every_level_and_all_that_was_weighed(digits):
    folder, found = digits
    page = (folder / "design.html").read_text()
    for need, width in zip(found.needs, found.chosen.channels, strict=True):
        assert f"level {need.level}:" in page
        assert f"r = {width}<" in page
    for one in found.alternatives:
        assert ", ".join(map(str, one.channels)) in page
    assert "http" not in page.replace("http-equiv", "")  # it opens without a network


def test_the_same_seed_proposes_the_same(digits, tmp_path):
    _, found = digits
    again = tell(load("digits"), Asked(3000, samples=150, windows=3), tmp_path, shown=False)
    assert json.dumps(again.to_json()) == json.dumps(found.to_json())


class Stopped(Exception):  # noqa: N818  (no error of ours)
    pass


def test_a_design_goes_on_where_it_was_stopped(digits, tmp_path, monkeypatch):
    """Stopped at the third contrast, it measures no contrast twice; what was cut short on disk is measured again."""
    _, wanted = digits
    asked, seen, measured = Asked(3000, samples=150, windows=3), [], contrast._measured

    def counting(images, labels, arch, a, look):
        seen.append((arch.geometry, a))
        if len(seen) == 3:
            raise Stopped
        return measured(images, labels, arch, a, look)

    monkeypatch.setattr(contrast, "_measured", counting)
    with pytest.raises(Stopped):
        tell(load("digits"), asked, tmp_path, shown=False)
    assert not (tmp_path / "design.json").exists()
    first = min((tmp_path / "looks").iterdir(), key=lambda path: path.stat().st_mtime)
    first.write_bytes(first.read_bytes()[:100])
    found = tell(load("digits"), asked, tmp_path, shown=False)
    assert json.dumps(found.to_json()) == json.dumps(wanted.to_json())
    assert seen[3] == seen[0]  # the broken file
    assert seen.count(seen[1]) == 1
    done = len(seen)
    tell(load("digits"), asked._replace(budget=2000), tmp_path, shown=False)
    assert set(seen[done:]).isdisjoint(seen[:done])


@pytest.mark.slow
def test_the_command_designs_and_the_next_one_trains(tmp_path):
    run = CliRunner().invoke
    done = run(app, ["design", "digits", "--budget", "900", "--samples", "60", "--out", str(tmp_path), "--refine", "1"])
    assert done.exit_code == 0, done.output
    made = tmp_path / "design.json"
    accuracies = [one["accuracy"] for one in json.loads(made.read_text())["alternatives"]]
    assert all(0 <= accuracy <= 1 for accuracy in accuracies)
    model = tmp_path / "model.safetensors"
    options = ["train", "digits", "--architecture", str(made), "--epochs", "1", "--out", str(model), "--json"]
    done = run(app, options)
    assert done.exit_code == 0, done.output
    arch = tnsim.ConvAC.from_json(json.loads(made.read_text())["architecture"])
    assert tnsim.train.load_model(model)[0].arch == arch


def test_what_cannot_be_designed_is_said(tmp_path):
    digits = load("digits")
    with pytest.raises(ValueError, match=r"budget: wanted at least .* parameters, the smallest network's, found 10"):
        tell(digits, Asked(10, samples=40, windows=1), tmp_path, shown=False)
    with pytest.raises(ValueError, match="kind: wanted one of parameters, multiply-adds, memory, found 'joules'"):
        tell(digits, Asked(3000, "joules", samples=40, windows=1), tmp_path, shown=False)
    zeros = (digits.train_labels * 0, digits.test_labels * 0)
    one = Dataset("one", digits.train_images, zeros[0], digits.test_images, zeros[1], ("0",))
    with pytest.raises(ValueError, match="labels: wanted at least two classes, found 1"):
        tell(one, Asked(3000, samples=40, windows=1), tmp_path, shown=False)
    assert not list(tmp_path.iterdir())  # before anything was measured


def test_an_architecture_of_other_images_is_refused(tmp_path):
    arch, *_ = for_images(load("digits"))
    with pytest.raises(ValueError, match="architecture: wanted what `tnsim design` wrote"):
        designed(tmp_path / "none.json", arch)
    other = tnsim.ConvAC(sites=(4, 4), features=3, channels=(2, 2), windows=(2, 2), classes=10)
    (tmp_path / "other.json").write_text(json.dumps({"architecture": other.to_json()}))
    with pytest.raises(ValueError, match=r"architecture: .*other.json: wanted sites = \(8, 8\), that of the data"):
        designed(tmp_path / "other.json", arch)


def test_constant_pixels_are_no_obstacle(tmp_path):
    rng = np.random.default_rng(0)
    images, labels = rng.random((40, 4, 4)).astype(np.float32), np.tile([0, 1], 20).astype(np.int32)
    images[:, :2] = 0
    data = Dataset("half", images, labels, images, labels, ("a", "b"))
    found = tell(data, Asked(200, samples=40), tmp_path, shown=False)
    assert np.isfinite(found.chosen.loss)
    assert found.constant == tuple(range(8))
    assert "8 of 16 (0, 1, 2, 3, 4, 5, 6, 7)" in found.words()
    assert json.loads((tmp_path / "design.json").read_text())["constant"] == list(range(8))


def test_the_page_maps_the_images_that_were_looked_at(digits):
    folder, found = digits
    told = json.loads((folder / "design.json").read_text())["data_map"]
    assert told["contrast"] == found.contrast
    assert [len(level["entropies"]) for level in told["levels"]] == [16, 4]
    page = (folder / "design.html").read_text()
    assert "Entropy of the data by scale" in page
    assert f"from {told['samples']} training images" in page
