"""So that processes can be started as `python -m swflow.cli`."""

from swflow.cli.app import main

main()
