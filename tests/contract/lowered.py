"""Compiles the scores of one architecture with the cache of a folder, and prints what test_compiled.py compares.

Argument: the folder. Prints a fingerprint of the module before compilation, and how often the cache gave a program.
"""

import hashlib
import sys

import jax

import tnsim
from tnsim.contract.compiled import compilation_cache, compiled
from tnsim.contract.scores import scores

hits = []
jax.monitoring.register_event_listener(lambda event, **_: hits.append(event))
compilation_cache(sys.argv[1])
arch = tnsim.ConvAC(
    sites=(4, 4), features=2, channels=(3, 2), windows=(2, 2), classes=3, sharing=("none", "window"), geometry="mirror"
)
found = compiled(arch.network, 4)
banks = {name: jax.ShapeDtypeStruct(shape, "float32") for name, shape in arch.network.bank_shapes.items()}
text = scores.lower(arch.network, banks, jax.ShapeDtypeStruct((4, 16, 2), "float32")).as_text()
print(hashlib.sha256(text.encode()).hexdigest(), hits.count("/jax/compilation_cache/cache_hits"))
