"""Does whoever builds a TensorNetwork graph and hands it to tnsim.contractor lose time against `apply`?

Binary ConvACs of width 16, M = 3, 10 classes, one sample, float32; N = 64, 256 and 1024 sites. Rows:
    apply             one-sample ConvAC.apply under jax.jit
    contract          (a) the contraction of a graph of to_tensornetwork that has been read
    jit               (b) graph built, attached and contracted inside one jitted function of weights and features
    read              the walk over the graph's nodes, no arithmetic
    foreign           (c) a graph of plain nodes without names: walk and restacking of its arrays, then contraction
    eager apply       one-sample ConvAC.apply(params, x[None]) without jit
    eager, repeated   (d) tnsim.contractor([*graph.nodes, *vectors]) without jit, the graph as it was in the last call
    eager, replaced   (e) the same after graph.replace(x), in turns with another sample
    attach            new vectors on the sites of a new graph, no arithmetic: replace spares it
    tensornetwork     tn.contractors.greedy under jax.jit, at 64 sites only (its compilation takes minutes beyond)

The answer is yes if (a) and (b) take at most 1.5 times `apply`, and (d) and (e) at most 1.5 times the eager one, in the
steady state at every N. The plan (schedule), the first call (tracing and compilation) and the steady state (medians,
taken in turns) are apart.
"""

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import tensornetwork as tn
from measuring import report

import tnsim
from tnsim.contract.contractor import contract, read
from tnsim.contract.schedule import whole
from tnsim.interop.walk import walk

WIDTH, M, CLASSES, RUNS = 16, 3, 10, 300


def once(call: Callable[[], Any]) -> float:
    """Seconds of one call, its result waited for."""
    began = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - began


def in_turns(calls: dict[str, Callable[[], Any]], runs: int) -> dict[str, float]:
    """Median seconds of each, taken in turns so that all see the same machine."""
    times = [[once(call) for call in calls.values()] for _ in range(runs)]
    return dict(zip(calls, map(statistics.median, zip(*times, strict=True)), strict=True))


def closed(arch: tnsim.ConvAC, params, x) -> list[tn.AbstractNode]:
    graph = arch.to_tensornetwork(params)
    return [*graph.nodes, *graph.attach(x)]


def foreign(nodes: list[tn.AbstractNode]) -> list[tn.AbstractNode]:
    """The same graph of TensorNetwork's own nodes, each with its own array, nothing named."""
    twins = tn.replicate_nodes(nodes)
    for node in twins:
        node.name = "unnamed"
        if not isinstance(node, tn.CopyNode):
            node.tensor = node.tensor
    return twins


def eager(arch: tnsim.ConvAC, params, x) -> dict[str, Callable[[], Any]]:
    """Calls without jit on one graph; (e) puts another array on it each time, which (d) then finds there."""
    graph = arch.to_tensornetwork(params)
    vectors, samples = graph.attach(x), itertools.cycle([x, x + 1])

    def repeated() -> Any:
        return tnsim.contractor([*graph.nodes, *vectors]).tensor

    def replaced() -> Any:
        graph.replace(next(samples))
        return repeated()

    return {
        "eager apply": lambda: arch.apply(params, x[None]),
        "eager, replaced (e)": replaced,
        "eager, repeated (d)": repeated,
    }


def attaching(arch: tnsim.ConvAC, params, x, runs: int) -> float:
    """Median seconds of putting vectors on a graph that has none."""
    graphs = [arch.to_tensornetwork(params) for _ in range(runs)]
    return statistics.median(once(lambda graph=graph: graph.attach(x) and None) for graph in graphs)


def rows(sites: int) -> list[dict[str, Any]]:
    depth = sites.bit_length() - 1
    arch = tnsim.ConvAC(sites, M, (WIDTH,) * depth, (2,) * depth, CLASSES)
    params, x = arch.init(jax.random.key(0)), jax.random.uniform(jax.random.key(1), (sites, M))
    steady = {"plan": once(lambda: (whole(arch.network), None)[1])}
    nodes, batch = closed(arch, params, x), x[None]
    plain = foreign(nodes)
    reading, plain_reading = read(nodes), read(plain)
    apply = jax.jit(lambda params, batch: arch.apply(params, batch))
    inside = jax.jit(lambda params, x: tnsim.contractor(closed(arch, params, x)).tensor)
    calls = {
        "apply": lambda: apply(params, batch),
        "contract (a)": lambda: contract(reading),
        "jit (b)": lambda: inside(params, x),
        "foreign: contract (c)": lambda: contract(plain_reading),
    }
    if sites == 64:
        theirs = jax.jit(lambda params, x: tn.contractors.greedy(closed(arch, params, x)).tensor)
        calls["tensornetwork greedy"] = lambda: theirs(params, x)
    without_jit = eager(arch, params, x)
    first = {name: once(call) for name, call in (calls | without_jit).items()}
    steady |= in_turns(calls, RUNS) | in_turns(without_jit, RUNS)
    walks = {
        "build graph": lambda: closed(arch, params, x) and None,
        "read": lambda: read(nodes) and None,
        "foreign: walk (c)": lambda: walk(plain) and None,
        "foreign: walk and restack (c)": lambda: read(plain) and None,
    }
    steady |= in_turns(walks, RUNS // 30)
    steady["attach"] = attaching(arch, params, x, RUNS // 30)
    return [
        {
            "sites": sites,
            "what": name,
            "first call s": first.get(name, ""),
            "steady ms": 1e3 * value,
            "of apply": value / steady["eager apply" if "eager" in name else "apply"] if name in first else "",
        }
        for name, value in steady.items()
    ]


if __name__ == "__main__":
    report(__doc__.splitlines()[0], [row for sites in (64, 256, 1024) for row in rows(sites)])
