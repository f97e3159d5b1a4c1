"""Entanglement of data: data tensors of labelled samples, their entropies, maps of them, and orders that lower them."""
