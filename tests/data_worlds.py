"""Samples of mixtures whose data tensor is known: E[y x^1 (x) .. (x) x^N] = sum_z pi_z y_z (x)_n E[x^n | z]."""

import numpy as np


class Mixture:
    """Hidden z picks an angle for every site and a label; x^n = (cos, sin) of that angle with normal noise."""

    def __init__(self, seed, hidden=4, sites=12, spread=0.35, noise=0.25):
        rng = np.random.default_rng(seed)
        self.angles = rng.normal(size=(hidden, sites)) * spread
        self.labels = rng.choice([-1.0, 1.0], hidden)
        self.odds = rng.dirichlet(np.full(hidden, 3.0))
        self.noise = noise

    def draw(self, m, rng):
        z = rng.choice(len(self.odds), m, p=self.odds)
        angles = self.angles[z] + self.noise * rng.normal(size=(m, self.angles.shape[1]))
        return np.stack([np.cos(angles), np.sin(angles)], axis=-1), self.labels[z]

    def probabilities(self, mask):
        """Schmidt probabilities of the population's tensor. E cos(a + noise g) = exp(-noise^2 / 2) cos a."""
        means = np.exp(-(self.noise**2) / 2) * np.stack([np.cos(self.angles), np.sin(self.angles)], axis=-1)
        factors = []
        for side in (mask, ~mask):
            gram = np.prod(np.einsum("zni,wni->zwn", means[:, side], means[:, side]), axis=2)
            values, vectors = np.linalg.eigh(gram)
            factors.append(vectors * np.sqrt(np.maximum(values, 0)))
        left, right = factors
        p = np.linalg.svd(left.T @ np.diag(self.odds * self.labels) @ right, compute_uv=False) ** 2
        p = p[p > 1e-14 * p.sum()]
        return p / p.sum()
