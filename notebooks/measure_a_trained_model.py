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
# # Measure a trained model
#
# A ConvAC is a tensor network: what it can correlate between two sets of pixels is the entanglement of a wave function,
# one wave function per class. Here one is trained on 8x8 digits in some seconds, and measured.

# %%
from dataclasses import replace

import numpy as np
from flax import nnx

import tnsim

arch, representation, config = tnsim.train.recipe("digits")
data = tnsim.train.load("digits")
model = tnsim.nn.NormalisedConvAC(arch, representation, rngs=nnx.Rngs(0))
untrained = model.params()
tnsim.train.fit(model, data, replace(config, seed=0), progress=False)
accuracy = tnsim.train.accuracy(model, data.test_images, data.test_labels)
print(f"{arch.parameters} parameters, test accuracy {100 * accuracy:.1f} %")

# %% [markdown]
# ## One class, one partition
#
# The *function* measure takes the inner product of functions of the pixels under their own distributions, so that the
# choice of features does not matter, only the function that they express.

# %%
gram = representation.gram_from(data.train_images, per_site=True)
state = arch.state(model.params(), label=3, measure="function", gram=gram)
spectrum = state.schmidt("left-right")
cut = tnsim.bounds.min_cut(arch, "left-right")
print(spectrum)
print(cut)
assert spectrum.rank() <= cut.value
assert spectrum.entropy() <= cut.log
assert np.isclose(spectrum.entropy(), state.schmidt(~state.mask("left-right")).entropy())  # S(A) = S(B)

# %% [markdown]
# ## Every class, beside the network before training

# %%
print(f"left-right, ln(min-cut) = {cut.log:.2f} nats")
for label in range(arch.classes):
    after, before = (
        arch.state(params, label, "function", gram).entropy("left-right") for params in (model.params(), untrained)
    )
    print(f"class {label}: S = {after.value:.3f} nats after training, {before.value:.3f} before")

# %% [markdown]
# ## Partitions whose spectrum is out of reach
#
# A checkerboard of 64 sites has a Schmidt matrix of 3^32 rows. Two replicas of the network give its Renyi-2 entropy,
# a lower bound of the entropy, all the same.

# %%
for name in ("left-right", "center", "checkerboard"):
    print(name, state.renyi(name))
try:
    state.schmidt("checkerboard", memory="4GB")
except tnsim.MemoryLimitError as refusal:
    print(refusal)
