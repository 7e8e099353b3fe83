"""Start a Dask worker with pinned numerics: `python -m study.worker SCHEDULER_ADDRESS`."""

from distributed.cli.dask_worker import main

if __name__ == "__main__":
    main(auto_envvar_prefix="DASK")
