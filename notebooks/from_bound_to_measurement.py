# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From the bound to the measurement
#
# Min-cuts bound the rank across a partition for any weights. What trained weights use of that is measured: a network is
# trained at several widths, and S is set beside ln(min-cut), before training and after.

# %%
from flax import nnx

import tnsim

data = tnsim.train.load("digits")
config = tnsim.train.recipe("digits")[2]
PARTITIONS = ("left-right", "quadrant", "chess:4")


# %%
def entropies(module, representation, label=3):
    """S of one class over each partition, in the measure of the images' own features."""
    gram = representation.gram_from(data.train_images, per_site=True)
    state = module.arch.state(module.params(), label, measure="function", gram=gram)
    return {A: float(state.entropy(A)) for A in PARTITIONS}


for r in (3, 5, 9):
    representation = tnsim.nn.Fourier()
    arch = tnsim.ConvAC((8, 8), representation.features, (r, r, r), (2, 2, 2), 10)
    module = tnsim.nn.NormalisedConvAC(arch, representation, rngs=nnx.Rngs(0))
    before = entropies(module, representation)
    tnsim.train.fit(module, data, config, progress=False)
    after = entropies(module, representation)
    print(f"r = {r}: test {100 * tnsim.train.accuracy(module, data.test_images, data.test_labels):.1f} %")
    for A in PARTITIONS:
        bound = tnsim.bounds.min_cut(arch, A).log
        print(f"  {A}: ln(min-cut) {bound:.3f}, S at the start {before[A]:.3f}, trained {after[A]:.3f} nats")

# %% [markdown]
# The bound grows with the width; what training uses of it need not. `docs/findings.md` has the same question over seeds,
# widths and data sets.
