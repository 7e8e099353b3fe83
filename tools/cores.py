"""Print how many cores this process may use: `python -m tools.cores`.

Dask counts them too, but does not load if a user's settings of it are broken.
"""

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds that it gets of a period


def count_cores(cgroup: Path = CGROUP) -> int:
    """Return how many cores affinity and a container's limit allow, at least one."""
    affine = hasattr(os, "sched_getaffinity")  # not on a Mac
    cores = len(os.sched_getaffinity(0)) if affine else os.cpu_count() or 1
    quota, period = cgroup.read_text().split() if cgroup.exists() else ("max", "1")
    return cores if quota == "max" else max(1, min(cores, int(quota) // int(period)))


if __name__ == "__main__":
    print(count_cores())
