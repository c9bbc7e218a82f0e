"""Sliced optimal transport: directions, plans along each of them, distances, drift.

Pure tensor functions. Each runs on the device, and in the precision, of its input.
"""
