"""How a stage starts and how it fails."""

import argparse
import ctypes
import inspect
import io
import os
import signal
import sys
from collections.abc import Callable

from stages.core import numerics

PR_SET_PDEATHSIG = 1  # of Linux's prctl: the signal to get when the parent ends


class StageError(Exception):
    """A fault of the input, reported in one line that says what is wrong and what to do."""


def run_stage(main: Callable[..., None], command: str = "dvc repro") -> None:
    """Call `main` with the command line's arguments, one for each of its parameters.

    A fault ends the process with one line and a non-zero exit status; a traceback is for bugs.
    `command` is what the user runs again.
    """
    stage = getattr(sys.modules["__main__"].__spec__, "name", "").removesuffix(".__main__")
    parser = argparse.ArgumentParser(f"python -m {stage}", description=inspect.getdoc(main))
    for name in inspect.signature(main).parameters:
        parser.add_argument(name)
    arguments = parser.parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):  # names that the locale cannot print
        sys.stdout.reconfigure(errors="backslashreplace")
    if "DVC_STAGE" in os.environ and sys.platform == "linux":
        # Else a stage would outlive a killed DVC and overwrite the outputs of the next run.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    for reason in filter(None, (numerics.UNPINNED, numerics.other_versions())):
        print(f"The bits may differ: {reason}.", file=sys.stderr)
    try:
        main(**vars(arguments))
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate" not in str(error):  # as torch says it
            raise
        sys.exit("error: not enough memory; free some, or lower the sizes in params.yaml")
    except OSError as error:
        if isinstance(error, FileNotFoundError) and error.filename:
            sys.exit(
                f"error: {error.filename} is missing; `{command}` makes results, "
                "`git checkout` restores what is in git"
            )
        place = f"{error.filename}: " if error.filename else ""
        problem = error.strerror or error
        sys.exit(f"error: {place}{problem}; fix the problem and run `{command}` again")
    except StageError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(f"interrupted; run `{command}` again")
