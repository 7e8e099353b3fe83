"""Start a Dask worker with the fixed kernels: `python -m study.worker SCHEDULER_ADDRESS`."""

from study import training  # noqa: F401, because it pins the numerics and configures Dask

from distributed.cli.dask_worker import main

if __name__ == "__main__":
    main(auto_envvar_prefix="DASK")
