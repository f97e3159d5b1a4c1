"""Image tasks whose correlations have a known scale or shape, drawn from seeds. Stands on train."""

from tnsim.tasks.blobs import Blobs
from tnsim.tasks.pairs import Pairs
from tnsim.tasks.placed import Placed
from tnsim.tasks.shuffles import reordered, shuffled
from tnsim.tasks.task import Task, dataset, stream

__all__ = ["Blobs", "Pairs", "Placed", "Task", "dataset", "reordered", "shuffled", "stream"]
