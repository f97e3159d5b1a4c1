"""How sure are certified entropies of trained networks, and how soon?

Every row asks `state.entropy` for some classes and partitions of one trained model, as a user would. The answer is
sure enough if the rows reach their goals, on two cores:
    digits            the demo's model, checkerboard, function measure: width 1e-2 nats in 10 s
    two, eight        M = 2 (windows of two) and M = 8 (2 x 2), width 8, trained on digits: 1e-3 in 3 s, 0.05 in 20 s
    *-early           the same three after a few epochs, coefficient measure, where S is about 2: 0.05 in 10 s
    *-coefficient     fully trained, where S is about 10: what can be said of it in 30 s
    fashion-all       1024 sites, ten classes, two halves, chess:8 and center, function: all 40 in 5 minutes, halves
                      exact, blocks within 3 % of S
    mnist-fine        checkerboard and interleaved, function: 8 % of S in 60 s; fashion-fine: below 40 % in 100 s
    *-blocks          chess:8 and center, coefficient: 20 % of S; *-checks: the checkerboard, what can be said of it

BLAS threads are those of the environment, the machine's cores by default; on a busy machine OPENBLAS_NUM_THREADS=1 is
faster. Before the clock starts another class is asked for any interval at all, which imports, compiles and plans what
is compiled once. load: the machine's load average when a row began; processor: its processor seconds.
"""

import argparse
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from flax import nnx
from measuring import environment

import tnsim
from tnsim.demo import model_notes
from tnsim.entanglement.estimate import Estimate
from tnsim.nn import ConvAC as Module
from tnsim.nn.representation import GaussianBins, Polynomial, Representation
from tnsim.train.data import load as load_images
from tnsim.train.loop import fit
from tnsim.train.model_file import load, save
from tnsim.train.recipes import PADS, recipe

MEMORY = "8GB"
SOURCES = {"mnist": "mnist-5k", "fashion": "fashion-mnist"}  # the others are trained on digits
SMALL: dict[str, tuple[Representation, tuple]] = {
    "digits-M2": (Polynomial(1), ((1, 2), (2, 1)) * 3),
    "digits-M8": (GaussianBins(7, constant=True), (2, 2, 2)),
}
EARLY = {"digits": 8, "digits-M2": 10, "digits-M8": 5}  # epochs after which S is about 2 in the coefficient measure
HALVES, BLOCKS, FINE = ("left-right", "top-bottom"), ("chess:8", "center"), ("checkerboard", "interleaved")


class Row(NamedTuple):
    """What is asked. width: nats; part: of S; limit: seconds of the whole row; stop: each question's own limit."""

    model: str
    partitions: tuple[str, ...]
    measure: str = "function"
    labels: tuple[int, ...] = (3,)
    width: float | None = None
    part: float | None = None
    limit: float | None = None
    stop: float | None = None

    @property
    def goal(self) -> str:
        asked = f"{self.width:g} nats" if self.width else f"{100 * self.part:g} % of S" if self.part else "no goal"
        return asked + (f" in {self.limit:g} s" if self.limit else "")


COEFFICIENT = dict(partitions=("checkerboard",), measure="coefficient")
ROWS = {
    "digits": Row("digits", ("checkerboard",), width=1e-2, limit=10),
    "two": Row("digits-M2", ("checkerboard",), width=1e-3, limit=3),
    "eight": Row("digits-M8", ("checkerboard",), width=0.05, limit=20),
    "digits-early": Row("digits-early", **COEFFICIENT, width=0.05, limit=10),
    "two-early": Row("digits-M2-early", **COEFFICIENT, width=0.05, limit=10),
    "eight-early": Row("digits-M8-early", **COEFFICIENT, width=0.05, limit=10),
    "digits-coefficient": Row("digits", **COEFFICIENT, width=0.05, stop=30),
    "two-coefficient": Row("digits-M2", **COEFFICIENT, width=0.05, stop=30),
    "eight-coefficient": Row("digits-M8", **COEFFICIENT, width=0.05, stop=30),
    "fashion-all": Row("fashion", HALVES + BLOCKS, labels=tuple(range(10)), part=0.03, limit=300),
    "mnist-fine": Row("mnist", FINE, part=0.08, limit=120, stop=60),
    "fashion-fine": Row("fashion", FINE, part=0.4, limit=200, stop=100),
    "mnist-blocks": Row("mnist", BLOCKS, "coefficient", part=0.2),
    "fashion-blocks": Row("fashion", BLOCKS, "coefficient", part=0.2),
    "mnist-checks": Row("mnist", **COEFFICIENT, limit=60, stop=60),
    "fashion-checks": Row("fashion", **COEFFICIENT, limit=60, stop=60),
}


def model(name: str, folder: Path) -> tuple[Module, dict[str, Any]]:
    """A trained model and its notes, from the folder; trained and put there if it is missing."""
    path = folder / f"{name}.safetensors"
    if not path.exists():
        source = SOURCES.get(name, "digits")
        images = load_images(source, pad=PADS.get(source))
        arch, representation, config = recipe(source)
        kind = name.removesuffix("-early")
        if kind != name:
            config = replace(config, epochs=EARLY[kind])
        if kind in SMALL:
            representation, windows = SMALL[kind]
            arch = tnsim.ConvAC((8, 8), representation.features, (8,) * len(windows), windows, 10)
        made = Module(arch, representation, rngs=nnx.Rngs(0))
        result = fit(made, images, replace(config, seed=0), progress=False)
        print(f"trained {name}: test accuracy {100 * result.test.accuracy:.2f} %, {result.seconds:.0f} s", flush=True)
        gram = representation.gram_from(images.train_images, per_site=True)
        save(path, made, model_notes(images, gram, 0) | {"accuracy": result.test.accuracy})
    return load(path)


def asked(state: Any, A: str, row: Row) -> Estimate:
    """The interval by the door: to a width in nats; or to a part of S, told in nats by a first, wide interval."""
    if row.width is not None or row.part is None:
        return state.entropy(A, atol=row.width, memory=MEMORY, seconds=row.stop)
    first = state.entropy(A, atol=float(state.renyi(A, memory=MEMORY)), memory=MEMORY, seconds=row.stop and 5)
    wanted = row.part * float(first.lower)
    return first if first.width <= wanted else state.entropy(A, atol=wanted, memory=MEMORY, seconds=row.stop)


def measured(name: str, folder: Path) -> list[dict[str, Any]]:
    """One line for every class and partition of a row."""
    row = ROWS[name]
    found, notes = model(row.model, folder)
    gram = np.asarray(notes["gram"]) if row.measure == "function" else None
    states = [found.arch.state(found.params(), label, row.measure, gram) for label in range(10)]
    for A in row.partitions:  # of another class, any interval at all
        states[(row.labels[0] + 1) % 10].entropy(A, atol=1e9, memory=MEMORY)
    lines = []
    for label in row.labels:
        for A in row.partitions:
            load_average = os.getloadavg()[0]
            began, used = time.perf_counter(), time.process_time()
            interval = asked(states[label], A, row)
            spent = {"seconds": time.perf_counter() - began, "processor": time.process_time() - used}
            lines.append(line(name, label, A, interval, spent) | {"load": load_average})
            print(shown(lines[-1]), flush=True)
    total = sum(line["seconds"] for line in lines)
    in_time = row.limit is None or total <= row.limit
    print(f"{name}: {total:.1f} s in all; in time: {'yes' if in_time else 'no'}", flush=True)
    return [line | {"in time": in_time} for line in lines]


def line(name: str, label: int, A: str, found: Estimate, spent: dict[str, float]) -> dict[str, Any]:
    """What the table says of one interval. narrow: as asked; the row's time limit is for all of its lines."""
    row, width = ROWS[name], float(found.width)
    wanted = row.width or (row.part * float(found.lower) if row.part else None)
    return {
        "row": name, "goal": row.goal, "class": label, "partition": A, "lower": float(found.lower),
        "upper": float(found.upper), "width": width, "of S": width / max(float(found.lower), 1e-300),
        "narrow": wanted is None or width <= wanted, **spent, "method": found.method, "note": found.note,
    }  # fmt: skip


def shown(line: dict[str, Any]) -> str:
    ends = f"[{line['lower']:.6g}, {line['upper']:.6g}]"
    told = (
        f"width {line['width']:.3g} = {100 * line['of S']:.2g} % ({line['goal']}: {'yes' if line['narrow'] else 'no'})"
    )
    spent = f"{line['seconds']:.1f} s, processor {line['processor']:.1f} s, load {line['load']:.1f}"
    return (
        f"{line['row']} {line['class']} {line['partition']}: {ends}, {told}; {spent}; {line['method']}; {line['note']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS), help="these rows")
    parser.add_argument("--models", type=Path, help="folder of trained models; a temporary one by default")
    parser.add_argument("--out", type=Path, help="write JSON here; lines of other rows that are there stay")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.models or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name in options.only:
            lines = measured(name, folder)
            if options.out:
                _write(options.out, name, lines)


def _write(out: Path, name: str, lines: list[dict[str, Any]]) -> None:
    """The file with this row's lines in place of its old ones."""
    old = json.loads(out.read_text())["rows"] if out.exists() else []
    rows = [line for line in old if line["row"] != name] + lines
    rows.sort(key=lambda line: list(ROWS).index(line["row"]))
    threads = os.environ.get("OPENBLAS_NUM_THREADS", os.cpu_count())
    head = {"question": __doc__.splitlines()[0], "environment": environment() | {"BLAS threads": threads}}
    out.write_text(json.dumps(head | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
