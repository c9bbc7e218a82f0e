"""Datasets: the HDF5 file that every stage after `prepare` reads.

How a kind of dataset is made or read is in `swflow.datasets.make`, which only `prepare` imports.
"""

from swflow.datasets.file import Dataset, RawDataset, Split, read_dataset, write_dataset

__all__ = ["Dataset", "RawDataset", "Split", "read_dataset", "write_dataset"]
