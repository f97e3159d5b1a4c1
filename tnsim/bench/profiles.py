"""Which cases a run takes, and whom it asks. Over bench.cases; used by the runner and the command.

    quick   a small case of every workload: under 3 minutes on 2 cores, for a smoke run
    table   the lines of the README's table
    chains  matrix product states as classifiers of 28 x 28 pixels: scores and gradients
    full    every workload, one size varied at a time around N = 1024, r = 16, batch 64
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from tnsim.bench.cases import Case


class Entry(NamedTuple):
    """A case and the contenders to ask, all that are known if none are named."""

    case: Case
    peers: tuple[str, ...] = ()


CENTRE = Case("scores", 1024, batch=64)
TREES = (64, 256, 1024, 4096, 65536)
PICTURES = ((32, 32), (64, 64), (256, 256))
WIDTHS = (4, 16, 64, 256)
BATCHES = (1, 64, 1024)
CLASSIFIERS = [Case(workload, 784, width, 2, 128) for workload in ("mps", "mps-gradient") for width in (10, 30, 100)]


def _varied(workload: str, sharing: str = "none") -> list[Case]:
    """Scores and gradients: each size in turn."""
    base = replace(CENTRE, workload=workload, sharing=sharing)
    cases = [replace(base, sites=sites) for sites in TREES + PICTURES]
    cases += [replace(base, width=width) for width in WIDTHS]
    return cases + [replace(base, batch=batch) for batch in BATCHES]


def _states() -> list[Case]:
    """Questions to one state: no batch of samples."""
    cases = [Case("amplitude", sites, batch=1) for sites in TREES + PICTURES]
    cases += [Case("norm", sites, batch=1, dtype="float64") for sites in TREES + PICTURES]
    cases += [Case("norm", 1024, width=width, batch=1, dtype="float64") for width in WIDTHS]
    cases += [Case("renyi", sites, width=4, features=4, batch=1, dtype="float64") for sites in TREES[:3]]
    cases += [Case("renyi", sites, width=4, features=4, batch=1000, dtype="float64") for sites in TREES[:2]]
    cases += [Case("renyi", 64, width=width, features=4, batch=1, dtype="float64") for width in (8, 16)]
    cases += [Case("spectrum", sites, batch=1, dtype="float64") for sites in TREES]
    return cases + [Case("spectrum", 1024, width=width, batch=1, dtype="float64") for width in WIDTHS]


def _general() -> list[Case]:
    """Networks that are no trees, and chains."""
    cases = [Case("mps", sites, width=16, features=2, batch=64) for sites in (64, 256, 1024)] + CLASSIFIERS
    cases += [Case("regular", sites, width=2) for sites in (32, 64)]
    cases += [Case("peps", side, width=4, features=2) for side in ((4, 4), (6, 6))]
    cases += [Case("strip", (3, columns), width=4, features=2) for columns in (64, 256)]
    cases += [Case("circuit", (side, side), width=24, features=2, dtype="complex64") for side in (5, 6, 7)]
    cases += [Case("sycamore", (side, side), width=8, features=2, dtype="complex64") for side in (4, 5)]
    return cases + [Case("graph", sites, batch=1) for sites in (64, 256)]


def _once(cases: list[Case], peers: tuple[str, ...] = ()) -> tuple[Entry, ...]:
    return tuple(Entry(case, peers) for case in dict.fromkeys(cases))


# One contender of a kind: each costs seconds to import, and seconds to compile a case.
FEW = ("tnsim", "jax-batched", "tensornetwork", "opt_einsum", "cotengra", "torch-batched", "tensorkrowch")

PROFILES: dict[str, tuple[Entry, ...]] = {
    "quick": _once([
        Case("scores", 16, batch=16), Case("value-and-grad", 8, batch=16), Case("amplitude", 8),
        Case("norm", 16, width=4, features=4, dtype="float64"), Case("renyi", 8, width=2, features=2, dtype="float64"),
        Case("spectrum", 16, width=4, features=4, dtype="float64"), Case("mps", 16, width=8, features=2, batch=16),
        Case("mps-gradient", 16, width=8, features=2, batch=16),
        Case("regular", 16, width=2), Case("peps", (3, 3), width=3, features=2),
        Case("strip", (2, 8), width=2, features=2),
        Case("circuit", (3, 3), width=6, features=2, dtype="complex64"), Case("graph", 16, width=8, features=8),
        Case("sycamore", (3, 3), width=4, features=2, dtype="complex64"),
    ], FEW),
    "table": _once([
        Case("scores", 256, batch=64), Case("scores", 1024, batch=64), Case("scores", 4096, batch=64),
        Case("value-and-grad", 1024, batch=64), Case("value-and-grad", 4096, batch=64), Case("scores", 65536),
        Case("regular", 64, width=2), Case("peps", (6, 6), width=4, features=2),
        Case("strip", (3, 256), width=4, features=2),
        Case("circuit", (6, 6), width=24, features=2, dtype="complex64"), Case("graph", 256),
    ]),
    "chains": _once(CLASSIFIERS),
    "full": _once([
        *_varied("scores"), *_varied("scores", "full"), *_varied("value-and-grad"), *_varied("value-and-grad", "full"),
        *_states(), *_general(),
    ]),
}  # fmt: skip


def chosen(profile: str, workloads: tuple[str, ...] = (), known: tuple[str, ...] = ()) -> tuple[Entry, ...]:
    """The entries of a profile, of some workloads only if any are named.

    Raises ValueError for a profile or workload that is not known, naming those that are.
    """
    if profile not in PROFILES:
        raise ValueError(f"--profile: wanted one of {', '.join(PROFILES)}, found {profile!r}")
    for name in workloads:
        if name not in known:
            raise ValueError(f"--workload: wanted one of {', '.join(known)}, found {name!r}")
    return tuple(entry for entry in PROFILES[profile] if not workloads or entry.case.workload in workloads)
