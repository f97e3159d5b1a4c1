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
# # Bring your own network
#
# Any einsum is a network: loops, copy indices, several open legs. It is planned once, its cost is known before it runs,
# a limit of memory is kept by slicing, and once it says which of its open indices are sites, every measure is there.

# %%
import jax
import numpy as np

import tnsim

rng = np.random.default_rng(0)
chi, d, n = 4, 2, 8  # a ring of eight matrices-with-a-leg: a periodic matrix product state
cores = [rng.normal(size=(chi, d, chi)) for _ in range(n)]
terms = [(f"bond{k}", f"site{k}", f"bond{(k + 1) % n}") for k in range(n)]
with jax.enable_x64(True):
    sites = [f"site{k}" for k in range(n)]
    network, banks = tnsim.from_einsum(terms, *cores, output=sites, sites=sites)

# %% [markdown]
# ## What it will cost

# %%
plan = tnsim.plan(network)
print(f"{plan.multiply_adds} multiply-adds, largest intermediate {plan.largest} numbers")

# %% [markdown]
# ## The tensor, and what one half knows of the other
#
# Cutting a ring takes two bonds: the rank is at most chi^2. The state is measured without its tensor, which is made here
# to check it by a dense decomposition.

# %%
with jax.enable_x64(True):
    tensor = np.asarray(tnsim.contract_network(network, banks))
wanted = np.einsum("aib,bjc,ckd,dle,emf,fng,goh,hpa->ijklmnop", *cores, optimize=True)
print("equals NumPy's:", np.allclose(tensor, wanted))
half = tnsim.network_state(network, banks).schmidt("left-right")
print(f"rank {half.rank()} of at most {chi**2}, S = {half.entropy():.4f} nats")
values = np.linalg.svd(tensor.reshape(d ** (n // 2), -1), compute_uv=False)
p = values**2 / (values**2).sum()
print(f"dense: rank {(values > 1e-10 * values[0]).sum()}, S = {-(p * np.log(p)).sum():.4f} nats")

# %% [markdown]
# ## From Google TensorNetwork
#
# A list of nodes is read the same way, copy nodes stay copies.

# %%
import tensornetwork as tn  # noqa: E402

a, b, c = (tn.Node(rng.normal(size=(3, 3)).astype(np.float32)) for _ in range(3))
a[1] ^ b[0]
b[1] ^ c[0]
c[1] ^ a[0]
print(float(tnsim.contractor([a, b, c]).tensor), float(np.trace(a.tensor @ b.tensor @ c.tensor)))
