"""What runs a stage: files, checkpoints, progress, signals, processes. None of it computes."""
