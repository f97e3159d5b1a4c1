"""The paper's experiments with measured entropies: questions, trials, executors, results. Stands on train and tasks."""

from tnsim.experiments.executors import ClusterError, TrialError, here, on_cluster
from tnsim.experiments.experiment import Experiment, Trial
from tnsim.experiments.registry import EXPERIMENTS, named
from tnsim.experiments.results import ResultsError
from tnsim.experiments.running import run

__all__ = [
    "EXPERIMENTS",
    "ClusterError",
    "Experiment",
    "ResultsError",
    "Trial",
    "TrialError",
    "here",
    "named",
    "on_cluster",
    "run",
]
