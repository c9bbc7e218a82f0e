"""Numeric figures, made from metrics.csv alone.

Each has `NEEDS` (what a study must have), `CAPTION`, and `figure(metrics)`.
"""
