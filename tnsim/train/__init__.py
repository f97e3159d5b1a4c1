"""Training: data, a loop that resumes to bitwise the same numbers, model files, recipes."""

from tnsim.train.config import TrainConfig
from tnsim.train.data import DataError, Dataset, load
from tnsim.train.ensembles import fit_trees
from tnsim.train.loop import TrainResult, accuracy, evaluate, fit
from tnsim.train.model_file import ModelFileError, save
from tnsim.train.model_file import load as load_model
from tnsim.train.penalties import Penalty, likelihood_penalty, renyi_penalty
from tnsim.train.recipes import for_images, recipe

__all__ = [
    "DataError", "Dataset", "ModelFileError", "Penalty", "TrainConfig", "TrainResult", "accuracy", "evaluate", "fit",
    "fit_trees", "for_images", "likelihood_penalty", "load", "load_model", "recipe", "renyi_penalty", "save",
]  # fmt: skip
