"""What is measured: workloads by name, with inputs from a seed, floors and answers. Ground of bench; no JAX here."""

from tnsim.bench.workloads.table import WORKLOADS
from tnsim.bench.workloads.training import training_answer
from tnsim.bench.workloads.workload import Einsum, Floor, Operand, Workload, cut

__all__ = ["WORKLOADS", "Einsum", "Floor", "Operand", "Workload", "cut", "training_answer"]
