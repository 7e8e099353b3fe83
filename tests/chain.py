"""Run stages one after another in one process: libraries are loaded once, our code each time.

Each argument is a command of dvc.yaml, `exec python -E -m MODULE ARGUMENT...`.
"""

import os
import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

for command in sys.argv[1:]:
    for name in [name for name in sys.modules if name.split(".")[0] == "stages"]:
        del sys.modules[name]
    with suppress(FileNotFoundError):
        Path(command).read_bytes()  # names the stage in a trace of system calls
    module, *arguments = command.partition(" -m ")[2].split()
    package = find_spec(module).submodule_search_locations is not None
    import_module(f"{module}.__main__" if package else module).main(*arguments)
sys.stdout.flush()
os._exit(0)  # how an emulated process ends its threads is not under test
