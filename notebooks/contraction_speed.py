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
# # How fast does a contraction run?
#
# One graph of Google TensorNetwork, contracted by its own greedy contractor, by `tnsim.contractor`, and the same scores
# for a whole batch by the pure function. First calls (which plan and compile) and later ones are apart, and every
# result is waited for. Whole comparisons, with more contenders: `tnsim bench`.

# %%
import time

import jax
import jax.numpy as jnp
import numpy as np
import tensornetwork as tn

import tnsim

arch = tnsim.ConvAC(sites=64, features=4, channels=(4,) * 6, windows=(2,) * 6, classes=10)
params = arch.init(jax.random.key(0), start="residual")
images = np.random.default_rng(0).normal(size=(64, 64, 4)).astype(np.float32)
images[..., 0] = 1


def seconds(call):
    """(first call, median of the next ones)"""
    times = []
    for _ in range(6):
        begun = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - begun)
    return times[0], float(np.median(times[1:]))


# %%
graph = arch.to_tensornetwork(params)
nodes = [*graph.nodes, *graph.attach(jnp.asarray(images[0]))]


def greedily():
    replica, _ = tn.copy(nodes)
    return tn.contractors.greedy(list(replica.values())).tensor


apply = jax.jit(lambda features: arch.apply(params, features).value)
for name, call, samples in (
    ("TensorNetwork, greedy", greedily, 1),
    ("tnsim.contractor", lambda: tnsim.contractor(nodes).tensor, 1),
    ("apply, a batch of 64", lambda: apply(images), 64),
):
    first, later = seconds(call)
    print(f"{name}: first call {first:.3f} s, then {1e6 * later / samples:.0f} us a sample")

# %% [markdown]
# A wrong answer has no speed: they agree.

# %%
scores = arch.apply(params, images)
value = (scores.value * jnp.exp(scores.log_scale)[:, None])[0]
print(np.allclose(value, greedily(), rtol=1e-4), np.allclose(value, tnsim.contractor(nodes).tensor, rtol=1e-4))
