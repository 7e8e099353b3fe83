"""A data set of the same format and size is an entry, its sums, and its place in dvc.yaml."""

import shutil
from pathlib import Path

from conftest import Project, write_sums
from test_pipeline import add_run


def test_a_new_data_set_is_downloaded_trained_on_and_reported(
    project: Project, tmp_path: Path
) -> None:
    raw = project.folder / "data/Letters/raw"
    shutil.copytree(project.folder / "data/MNIST/raw", raw)
    for path in raw.iterdir():  # so that no file is MNIST's
        path.write_bytes(path.read_bytes()[:-1] + b"\1")
    write_sums(project)
    shutil.move(raw, tmp_path / "letters")
    project.replace(
        "stages/core/datasets.py",
        '    "MNIST": tuple(',
        '    "Letters": tuple("abcdefghij"),\n    "MNIST": tuple(',
    )
    project.replace("dvc.yaml", "foreach: [FashionMNIST,", "foreach: [Letters, FashionMNIST,")
    project.set_param("numpy_network", "letters", epochs=1)
    add_run(project, "numpy_network", "letters", "Letters")

    finished = project.run("python", "-m", "stages.download", "Letters", check=False)
    assert finished.returncode == 1
    assert "  - torchvision's mirrors: torchvision has no data set Letters\n" in finished.stderr
    assert "Traceback" not in finished.stderr

    run = "numpy_network-letters"
    project.run("dvc", "repro", f"plot@{run}", DATASETS_FOLDER=str(tmp_path / "letters"))
    header = (project.folder / f"reports/predictions/{run}.csv").read_text().partition("\n")[0]
    assert header == "label,prediction,a,b,c,d,e,f,g,h,i,j"
    project.run("python", "-m", "stages.report")
    assert "Trained on [Letters]" in (project.folder / "models/README.md").read_text()


def test_a_data_set_without_sums_is_named(project: Project) -> None:
    project.write("data/SHA256SUMS", "")
    finished = project.run("python", "-m", "stages.download", "MNIST", check=False)
    assert finished.returncode == 1
    assert finished.stderr == (
        "error: data/SHA256SUMS has no files in MNIST/raw; `sha256sum MNIST/raw/*` in data prints "
        "them\n"
    )
