"""Which modules of the repository a module imports, also through others, read from its text."""

import ast
from pathlib import Path


def imported_modules(folder: Path, path: str) -> set[str]:
    """The local modules that the module at `path` loads, itself among them, as paths.

    `folder` is the repository. A module's packages count: importing it runs their __init__.py.
    """
    found: set[str] = set()
    waiting = [path]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        names = [path.removesuffix(".py").replace("/", ".")]
        for node in ast.walk(ast.parse((folder / path).read_text())):
            if isinstance(node, ast.Import):
                names += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative imports are not followed"
                names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            for length in range(1, len(parts) + 1):
                base = "/".join(parts[:length])
                waiting += [
                    candidate
                    for candidate in (f"{base}.py", f"{base}/__init__.py")
                    if (folder / candidate).is_file()
                ]
    return found
