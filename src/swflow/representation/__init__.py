"""What the points of a flow stand for: rows of data, encoded in model units."""
