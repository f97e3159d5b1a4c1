"""Data sets over which designs and orders compete: a part of Fashion-MNIST, and a table. Ground of experiments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.datasets import load_breast_cancer

from tnsim.train.data import Dataset, load, stratified_split
from tnsim.train.recipes import PADS

__all__ = ["breast_cancer", "fashion_part"]

IMAGES = 10_000
APART = 0.25  # of a table's rows, for testing


def fashion_part() -> Dataset:
    """The first 10,000 training images of Fashion-MNIST, 32 x 32, and all test images."""
    whole = load("fashion-mnist", pad=PADS["fashion-mnist"])
    return replace(whole, train_images=whole.train_images[:IMAGES], train_labels=whole.train_labels[:IMAGES])


def breast_cancer() -> Dataset:
    """A table of 30 columns as one row of 32 pixels, each column's training rows from 0 to 1, two of them constant."""
    values, labels = load_breast_cancer(return_X_y=True)
    train, test = stratified_split(labels, APART, 0)
    low, high = values[train].min(axis=0), values[train].max(axis=0)
    rows = np.pad(np.clip((values - low) / (high - low), 0, 1), ((0, 0), (0, 2))).astype(np.float32)[:, None]
    kinds = labels.astype(np.int32)
    return Dataset("breast-cancer", rows[train], kinds[train], rows[test], kinds[test], ("malignant", "benign"))
