"""Does the entanglement of all 60,000 images of 784 pixels fit 4 GB, and how long does it take?

One class against the rest, left against right, at the angle 0.085, 256 pivots a side: an interval of the entropy of the
sample's data tensor, whose matrices of inner products would take 29 GB each. Fewer images before, to see it grow.
Seconds are the processor's, over all its threads; the peak is the whole process's so far.
"""

import resource
import time
from typing import Any

from measuring import report

import tnsim
from tnsim.correlations import cos_sin, data_spectrum, data_tensor, one_vs_rest

ANGLE, PIVOTS, CLASS = 0.085, 256, 3
IMAGES = (7_500, 15_000, 30_000, 60_000)
KIB = 1024  # what Linux counts resident memory in


def row(data: tnsim.train.data.Dataset, images: int) -> dict[str, Any]:
    features = cos_sin(data.train_images[:images], ANGLE)
    labels = one_vs_rest(data.train_labels[:images], CLASS)
    began = time.process_time()
    S = data_spectrum(data_tensor(features, labels, (28, 28)), "left-right", pivots=PIVOTS).entropy
    return {
        "images": images,
        "S, nats": S.value,
        "from": S.lower,
        "to": S.upper,
        "processor s": time.process_time() - began,
        "peak GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB / 1e9,
    }


if __name__ == "__main__":
    fashion = tnsim.train.load("fashion-mnist")
    report(__doc__.splitlines()[0], [row(fashion, images) for images in IMAGES])
