"""Rows for the readers of results: an environment, and measurements of any sizes and times."""

from dataclasses import asdict

from tnsim.bench.cases import Case
from tnsim.bench.schema import VERSION

ENVIRONMENT = {
    "kind": "environment", "schema": VERSION, "fingerprint": "f1", "date": "2026-01-02T03:04:05+00:00",
    "settings": {"threads": 2, "seconds": 60.0, "memory": 10**9}, "versions": {"jax": "0.10.2", "python": "3.11.9"},
    "machine": {"platform": "cpu", "device": "cpu", "processor": "A processor", "threads": 2, "commit": "abc",
                "matmul_precision": "default"},
    "roofline": {"float32": 1e11, "float64": 5e10, "bandwidth": 1e10, "transcendentals": 1e9},
}  # fmt: skip


def case(**sizes):
    return Case(**{"workload": "scores", "sites": 64, "batch": 64, **sizes})


def measured(peer="tnsim", median=0.01, spread=0.02, turn="t1", environment="f1", **sizes):
    """A row with a time."""
    asked = case(**sizes)
    sites = list(asked.sites) if isinstance(asked.sites, tuple) else asked.sites
    run = {"median": median, "min": median, "q1": median, "q3": median, "spread": spread, "repeats": 7, "calls": 70}
    memory = {"prepare": 10**7, "held": 10**5, "run": 10**6, "device": None, "how": "so"}
    floor = {"multiply_adds": 1e6, "bytes": 1e6, "transcendentals": 0.0, "seconds": median / 2, "bound": "bandwidth"}
    return {
        "kind": "measurement", "schema": VERSION, "environment": environment, "turn": f"{turn} {asked.name}",
        "date": "2026-01-02T03:04:05+00:00", "case": asked.name, **asdict(asked), "sites": sites,
        "peer": peer, "status": "ok", "message": "", "note": "a note", "seconds": {"compile": 0.5, "first": 0.1},
        "run": run, "multiply_adds": 1e6, "memory": memory,
        "floor": floor, "share": 0.5, "theory": 1e6,
        "checked": {"against": "tnsim", "difference": 1e-7, "tolerance": 1e-4},
    }  # fmt: skip


def failed(peer, status, message="why", **sizes):
    """A row without one."""
    return {**measured(peer, **sizes), "status": status, "message": message, "run": None, "share": None,
            "checked": None, "memory": None}  # fmt: skip
