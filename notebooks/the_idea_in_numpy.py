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
# # The whole idea in sixty lines of NumPy
#
# A convolutional arithmetic circuit maps each site to a few features, mixes them linearly, multiplies neighbours, and so
# on to the top. Its score is multilinear in the features of the sites, so all it knows is one tensor of coefficients,
# with an index for each site: a wave function. How much two halves of the image can correlate is the entanglement of
# that tensor, and the narrowest cut of channels between the halves bounds it.

# %%
import itertools

import numpy as np

M, WIDTHS = 2, (2, 3, 4)  # features of a site; channels of three levels of pooling in pairs
N = 2 ** len(WIDTHS)  # 8 sites
rng = np.random.default_rng(0)
ins = (M, *WIDTHS[:-1])
banks = [rng.normal(size=(N >> level, r, m)) for level, (r, m) in enumerate(zip(WIDTHS, ins))]
output = rng.normal(size=WIDTHS[-1])  # one class


def score(features):
    """h of features (N, M): linear maps, then products of neighbours, level by level."""
    values = features
    for bank in banks:
        mapped = np.einsum("nrm,nm->nr", bank, values)
        values = mapped[0::2] * mapped[1::2]
    return output @ values[0]


# %% [markdown]
# ## The tensor
#
# Feeding basis vectors reads the coefficients, one by one: 2^8 of them. The circuit is their sum with the features.

# %%
tensor = np.empty((M,) * N)
for place in itertools.product(range(M), repeat=N):
    tensor[place] = score(np.eye(M)[list(place)])

x = rng.normal(size=(N, M))
contracted = tensor
for vector in x:
    contracted = np.tensordot(vector, contracted, axes=(0, 0))
print("score and contraction agree:", np.isclose(score(x), contracted))

# %% [markdown]
# ## Its entanglement
#
# Sites of A become the rows of a matrix, all others its columns. Its singular values are the Schmidt values; how many
# there are, and how evenly they spread, is what the circuit correlates between A and the rest.


# %%
def spectrum(A):
    rest = [site for site in range(N) if site not in A]
    matrix = tensor.transpose([*A, *rest]).reshape(M ** len(A), -1)
    p = np.linalg.svd(matrix, compute_uv=False) ** 2
    return p / p.sum()


def entropy(p):
    p = p[p > 1e-15]
    return float(-(p * np.log(p)).sum())


# %% [markdown]
# ## Its bound
#
# Give each node of the tree to A or to the rest, however is cheapest: a cut edge costs its width, and a pooled node's
# edges are one index, copied, so it costs that width once. The least product of widths bounds the rank.


# %%
def min_cut(A):
    cost = [{True: 1 if site in A else np.inf, False: np.inf if site in A else 1} for site in range(N)]
    for r, m in zip(WIDTHS, ins):  # a map: r above, m below; the cheaper of the two is cut
        up = [{side: min(c[side], c[not side] * min(r, m)) for side in c} for c in cost]
        pairs = zip(up[0::2], up[1::2])
        cost = [{side: min(a[side] * b[side], a[not side] * b[not side] * r) for side in a} for a, b in pairs]
    return min(cost[0].values())


for A in ((0, 1, 2, 3), (0, 2, 4, 6), (0,), (0, 1, 6, 7)):
    p = spectrum(A)
    print(f"A = {A}: rank {(p > 1e-12).sum()}, min-cut {min_cut(A)}, S = {entropy(p):.4f} nats")

# %% [markdown]
# ## The same, by tnsim
#
# Which never makes the tensor: 8 sites have 256 coefficients, an image of 1024 sites has 3^1024.

# %%
import jax  # noqa: E402

import tnsim  # noqa: E402

arch = tnsim.ConvAC(sites=N, features=M, channels=WIDTHS, windows=(2, 2, 2), classes=1)
params = {f"conv_{level}": bank for level, bank in enumerate(banks)} | {"output": output[None]}
with jax.enable_x64(True):
    state = arch.state(params, label=0)
    for A in ((0, 1, 2, 3), (0, 2, 4, 6), (0,), (0, 1, 6, 7)):
        found = state.schmidt(A)
        bound = tnsim.bounds.min_cut(arch, A).value
        print(f"A = {A}: rank {found.rank()}, min-cut {bound}, S = {float(state.entropy(A)):.4f} nats")
