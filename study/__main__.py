"""Make the tables of the study that are not current, and its report."""

from stages.core.stage import run_stage
from study import report
from study.training import load_tables, train_all


def main() -> None:
    """Train what the tables lack, all at once; write the tables and the report."""
    tables = [table for tables in load_tables() for table in tables if not table.is_current()]
    missing = {job.kept: job for table in tables for job in table.jobs if not job.kept.exists()}
    if missing:
        train_all(missing)
    for table in tables:
        table.write()
    report.main()


if __name__ == "__main__":
    run_stage(main, "make study")
