"""One thread a worker, since PyTorch's fight with pytest-xdist's processes for the cores; shapes checked everywhere."""

import os

from jaxtyping import install_import_hook

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

install_import_hook("underdamped.process", "shape_checks.check")
