"""Training of networks: the loop that all share."""
