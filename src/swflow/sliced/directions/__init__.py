"""Directions to project on, one file for each family."""
