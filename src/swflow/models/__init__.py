"""Models: whatever can be drawn from, one file for each kind, looked up by its settings' `home`."""
