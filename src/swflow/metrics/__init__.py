"""Metrics: distances with floors, fidelity to the flow, generation, cost, closed forms."""
