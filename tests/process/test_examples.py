"""The scripts a user would copy run as they stand, and are as short as promised."""

import os
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_target.py"


def test_own_target(tmp_path):
    lines = [line for line in EXAMPLE.read_text().splitlines() if line.strip()]
    assert len(lines) <= 15
    environment = os.environ | {"MPLBACKEND": "Agg", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, str(EXAMPLE)], cwd=tmp_path, env=environment, check=True)
    assert "<svg" in (tmp_path / "law.svg").read_text()
