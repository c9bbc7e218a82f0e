"""Tables, made from metrics.csv alone: mean ± standard deviation over seeds.

Each has `NEEDS` (what a study must have), `CAPTION`, and `table(metrics)`.
"""
