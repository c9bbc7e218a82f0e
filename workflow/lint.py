"""Run `snakemake --lint` and fail on anything but the wish for a conda or container per rule.

The project is one pip environment: an environment file for each rule that nobody runs would be a
stub.
"""

import re
import subprocess
import sys

EXPECTED = "Specify a conda environment or container for each rule."


def main() -> int:
    """Print what is left of the findings; exit code 1 if there is any."""
    run = subprocess.run(["snakemake", "--lint"], capture_output=True, text=True, check=False)
    report = run.stdout + run.stderr
    findings = re.findall(r"^\s+\* (.*?):?$", report, flags=re.MULTILINE)
    others = [finding for finding in findings if not finding.startswith(EXPECTED)]
    if others or not findings:
        print(report)
        return 1
    print(f"snakemake --lint: nothing beside {EXPECTED!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
