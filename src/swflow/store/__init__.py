"""Files of the pipeline's products: formats alone, nothing that computes."""
