"""Metrics, one file for each group: what it needs, what it measures, whose score is its floor.

A group has `NEEDS` (what it reads), `SETTINGS` (the sample sizes it depends on), `FLOORS` (metrics
whose floor is the score of another row) and `measure(subject)`, which yields rows of metrics.csv.
"""
