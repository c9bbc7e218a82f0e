"""Copy the study's tables and pictures to results/reference/default, and into the README.

Run by `make reference` after `make results`. In the README each block between
`<!-- NAME -->` and `<!-- end -->` is replaced; nothing else is touched.
"""

import os
import platform
import re
import shutil
from pathlib import Path

import pandas as pd
import torch

from swflow.provenance import versions
from swflow.summary import stage_shares
from swflow.tables import readable

RESULTS, REFERENCE, README = Path("results"), Path("results/reference/default"), Path("README.md")


def machine() -> str:
    """Processors and GPU, as the system names them."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.is_file() else []
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{os.cpu_count()} × {names[0] if names else platform.processor()}, {gpu}"


def copy_products() -> None:
    """Tables as CSV and Markdown, figures as PNG."""
    for folder in ("tables", "figures"):
        (REFERENCE / folder).mkdir(parents=True, exist_ok=True)
    for path in [*RESULTS.glob("tables/*.csv"), *RESULTS.glob("tables/*.md")]:
        shutil.copy(path, REFERENCE / "tables" / path.name)
    for path in RESULTS.glob("figures/*.png"):
        shutil.copy(path, REFERENCE / "figures" / path.name)
    for path in RESULTS.glob("figures/samples/*/*.png"):
        shutil.copy(path, REFERENCE / "figures" / f"samples-{path.parent.name}-{path.stem}.png")


def made_by(shares: str) -> str:
    """Machine, versions and command."""
    found = ", ".join(f"{name} {number}" for name, number in versions().items())
    return (
        "# The default study\n\nMade by `make results` and copied by `make reference`.\n\n"
        f"- machine: {machine()}\n- versions: {found}\n"
        f"- seconds by stage, summed over jobs:\n\n{shares}\n"
    )


def readme_blocks(shares: str) -> dict[str, str]:
    """What stands between the README's markers."""
    fidelity = pd.read_csv(RESULTS / "tables" / "fidelity.csv")
    ends = fidelity.groupby(["dataset", "teacher"])["time"].transform("max") == fidelity["time"]
    blocks = {
        name: (RESULTS / "tables" / f"{name}.md").read_text().strip()
        for name in ("generation", "cost", "gaussian")
    }
    shown = readable(fidelity[ends]).to_markdown(index=False, disable_numparse=True)
    return blocks | {"fidelity": shown, "shares": shares}


def main() -> None:
    """Copy, describe, and fill the README."""
    shares = stage_shares(RESULTS / "benchmarks")
    copy_products()
    (REFERENCE / "README.md").write_text(made_by(shares))
    text = README.read_text()
    for name, block in readme_blocks(shares).items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text, count = re.subn(
            pattern, lambda m, b=block: f"{m[1]}{b}\n{m[2]}", text, flags=re.DOTALL
        )
        if count != 1:
            raise SystemExit(f"README.md has {count} blocks named {name}, needed is one.")
    README.write_text(text)


if __name__ == "__main__":
    main()
