"""What every test shares: kernels are compiled once into a folder of their own, and torch keeps to one thread."""

import os
import tempfile
from pathlib import Path

KERNELS = Path(tempfile.gettempdir()) / f"rl-playground-test-kernels-{os.getuid() if hasattr(os, 'getuid') else 0}"
os.environ.setdefault("RL_PLAYGROUND_KERNELS", str(KERNELS))
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"
