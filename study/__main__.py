"""Make the tables of the study that are not current, and its report."""

from itertools import chain

from stages.core.stage import run_stage
from study import report
from study.tables import load_study
from study.training import train_all


def main() -> None:
    """Train what the tables lack, the search first; write the tables and the report."""
    searches, *others = load_study().values()
    for tables in (searches, [*chain(*others)]):
        stale = [table for table in tables if not table.is_current()]
        jobs = {job.kept: job for table in stale for _, job in table.jobs}
        if missing := [job for kept, job in jobs.items() if not kept.exists()]:
            train_all(missing)
        for table in stale:
            table.write()
    report.main()


if __name__ == "__main__":
    run_stage(main, "make study")
