"""What regularises a flow beside the entropy of its law, one file for each kind."""
