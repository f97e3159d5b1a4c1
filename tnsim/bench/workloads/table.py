"""All workloads of the benchmark by name. Uses the files beside it; used by the runner and by every contender."""

from __future__ import annotations

from tnsim.bench.workloads import chains, circuits, graphs, states, sycamores, trees
from tnsim.bench.workloads.workload import Workload

SCORES = 2e-3  # of float32: products over 65536 sites, in any order
EXACT = 1e-6  # of float64, through factorisations

_ROWS = (
    Workload("amplitude", "the class scores of one sample",
             SCORES, trees.score_inputs, trees.score_floor, trees.score_einsums, trees.score_answer),
    Workload("scores", "the class scores of a batch of samples",
             SCORES, trees.score_inputs, trees.score_floor, trees.score_einsums, trees.score_answer),
    Workload("value-and-grad", "a training step's loss (mean softmax cross entropy) and its gradient in all banks",
             5e-3, trees.training_inputs, trees.training_floor, trees.score_einsums, trees.score_answer),
    Workload("norm", "the squared norm of the whole coefficient tensor of one class",
             EXACT, states.state_inputs, states.norm_floor, states.norm_einsums, states.norm_answer),
    Workload("renyi", "Renyi-2 entropies of random partitions of the sites",
             EXACT, states.state_inputs, states.renyi_floor, states.renyi_einsums, states.renyi_answer),
    Workload("spectrum", "the Schmidt spectrum between the left and the right half",
             EXACT, states.state_inputs, states.norm_floor, states.spectrum_einsums, states.spectrum_answer),
    Workload("regular", "a closed random 3-regular graph, bond = r, one path for all",
             SCORES, graphs.graph_inputs, graphs.graph_floor, graphs.graph_einsums, graphs.graph_answer),
    Workload("peps", "a closed grid, bond = r, one path for all",
             SCORES, graphs.graph_inputs, graphs.graph_floor, graphs.graph_einsums, graphs.graph_answer),
    Workload("strip", "a closed grid of many columns, bond = r, swept column by column by all: its steps repeat",
             SCORES, graphs.graph_inputs, graphs.graph_floor, graphs.graph_einsums, graphs.graph_answer),
    Workload("circuit", "an amplitude of a random circuit on a grid of qubits, r cycles, one path for all",
             SCORES, circuits.circuit_inputs, circuits.circuit_floor, circuits.circuit_einsums,
             circuits.circuit_answer),
    Workload("sycamore", "an amplitude of a random circuit of fSim gates on a grid, r cycles, one path for all",
             SCORES, sycamores.sycamore_inputs, sycamores.sycamore_floor, sycamores.sycamore_einsums,
             sycamores.sycamore_answer),
    Workload("mps", "the class scores of a batch by a matrix product state",
             SCORES, chains.chain_inputs, chains.chain_floor, chains.chain_einsums, chains.chain_answer),
    Workload("mps-gradient", "a training step's loss and its gradient in all tensors of a matrix product state",
             5e-3, chains.chain_training_inputs, chains.chain_training_floor, chains.chain_einsums,
             chains.chain_answer),
    Workload("graph", "one sample's TensorNetwork graph, contracted by one library call without jit",
             SCORES, trees.score_inputs, trees.score_floor, trees.score_einsums, trees.score_answer),
)  # fmt: skip
WORKLOADS = {workload.name: workload for workload in _ROWS}
