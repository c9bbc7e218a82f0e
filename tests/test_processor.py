"""Slow sorts are avoided on the processor that has them, and nowhere else."""

import os
import platform
from pathlib import Path

import pytest

from swflow.processor import SLOW_THERE, avoid_slow_sorts

NAME = "NPY_DISABLE_CPU_FEATURES"
ZEN_4 = "vendor_id\t: AuthenticAMD\ncpu family\t: 25\nflags\t\t: fpu avx2 avx512f\n\nprocessor: 1\n"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="a setting of x86 processors")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ZEN_4, SLOW_THERE),
        (ZEN_4.replace("25", "26"), None),
        (ZEN_4.replace(" avx512f", ""), None),
        (ZEN_4.replace("AuthenticAMD", "GenuineIntel"), None),
        ("", None),
    ],
)
def test_only_zen_4_sorts_without_avx_512(
    text: str, expected: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, "")
    monkeypatch.delenv(NAME)
    (tmp_path / "cpuinfo").write_text(text)
    avoid_slow_sorts(tmp_path / "cpuinfo")
    assert os.environ.get(NAME) == expected


def test_a_users_choice_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "AVX2")
    (tmp_path / "cpuinfo").write_text(ZEN_4)
    avoid_slow_sorts(tmp_path / "cpuinfo")
    assert os.environ[NAME] == "AVX2"
