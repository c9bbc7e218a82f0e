"""The command line: one command for each rule of the pipeline, and some that are used by hand."""

from swflow.cli.app import main

__all__ = ["main"]
