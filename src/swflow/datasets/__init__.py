"""Datasets: one file for each family, looked up by the `home` of its settings."""
