"""Transport plans between projections on a line, one file for each kind."""
