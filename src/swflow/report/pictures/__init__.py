"""Pictures of samples: over time, over entropy, as a grid, and moving."""
