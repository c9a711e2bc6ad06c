"""One thread a worker: PyTorch's threads fight with pytest-xdist's processes for the cores, and lose."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
