"""The report as one HTML file, as a browser shows it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Project

CHROMIUM = shutil.which("chromium")
# In a frame, as no window of Chromium is as narrow as a phone; it tells its parent what it sees.
FRAME = """
<script>addEventListener("message", event => document.title = event.data)</script>
<iframe src="page.html" width="{width}" height="1000" frameborder="0"></iframe>
"""
MEASURE = """
<script>
addEventListener("load", () => {
  const broken = [...document.images].filter(image => image.naturalWidth == 0).length
  const requests = performance.getEntriesByType("resource").filter(e => !e.name.startsWith("data:"))
  const [wide, width] = [document.documentElement.scrollWidth, innerWidth]
  parent.postMessage([document.images.length, broken, requests.length, wide, width].join(" "), "*")
})
</script>
"""


@pytest.fixture
def page(reproduced: Project) -> str:
    return (reproduced.folder / "reports/report.html").read_text()


def test_nothing_is_loaded_and_no_formula_is_left(page: str) -> None:
    assert not re.search(r"<(script|link|iframe)|@import|url\(", page)
    sources = re.findall(r'src="(.{5})', page)
    assert set(sources) == {"data:"}
    assert len(sources) == page.count("<img")
    assert "<math" in page
    text = re.sub(r"<(style|img|math).*?(</style>|>|</math>)", "", page, flags=re.DOTALL)
    assert "$" not in text
    for target in re.findall(r'href="#(.*?)"', page):
        assert f'id="{target}"' in page


@pytest.mark.slow(3)
@pytest.mark.skipif(not CHROMIUM, reason="needs chromium")
@pytest.mark.parametrize("width", [400, 1400])
def test_a_browser_shows_all_of_it(page: str, tmp_path: Path, width: int) -> None:
    (tmp_path / "page.html").write_text(page + MEASURE)
    (tmp_path / "frame.html").write_text(FRAME.format(width=width))
    finished = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", f"--user-data-dir={tmp_path}/profile",
            "--virtual-time-budget=60000", "--dump-dom", f"file://{tmp_path}/frame.html",
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    images, broken, requests, wide, inner = map(
        int, re.search(r"<title>(.*?)</title>", finished.stdout)[1].split()
    )
    assert images == page.count("<img") > 0
    assert (broken, requests) == (0, 0)
    assert wide <= inner == width
