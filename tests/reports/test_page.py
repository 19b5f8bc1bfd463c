"""The pages in a real browser, without a network: what they show, that there are no errors, and how fast they open."""

from functools import partial
from pathlib import Path

import pytest

from mdw.reports import catalog, data_quality
from tests.conftest import Warehouse
from tests.reports.chromium import Page, browse
from tests.reports.example import example

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("chromium")]

SCRIPTS = Path(__file__).parent / "scripts"
CONTRAST = (SCRIPTS / "contrast.js").read_text()
ALL_DRAWN = (SCRIPTS / "all_drawn.js").read_text()
FIRST_CHART = (SCRIPTS / "first_chart.js").read_text()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "large.html"
    path.write_text(data_quality.render(example(100, 1826)))
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "small.html"
    path.write_text(data_quality.render(example(4, 30)))
    return path


def test_every_chart_is_drawn_in_both_themes_and_nothing_complains(small: Path) -> None:
    async def visit(page: Page) -> None:
        await page.size(1300, 900)
        await page.prefer("light")
        await page.open(small.as_uri())
        assert await page.evaluate(ALL_DRAWN)
        assert await page.evaluate("document.documentElement.dataset.theme") == "light"
        text = "getComputedStyle(document.querySelector('#chart-gaps .ytick text')).fill"
        light = await page.evaluate(text)
        await page.prefer("dark")
        await page.evaluate("new Promise(done => setTimeout(done, 200))")
        assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert await page.evaluate(text) != light
        await page.evaluate("document.getElementById('theme').click()")
        assert await page.evaluate(text) == light
        assert page.problems == []
        assert {url.split(":")[0] for url in page.requests} <= {"file", "data", "blob"}

    browse(visit)


def test_text_from_the_data_stays_text(small: Path) -> None:
    async def visit(page: Page) -> None:
        await page.open(small.as_uri())
        assert "console.error('injected')" in await page.evaluate("document.body.textContent")
        assert page.problems == []

    browse(visit)


def test_links_reach_their_targets_and_every_chart_has_a_table(small: Path) -> None:
    async def visit(page: Page) -> None:
        await page.open(small.as_uri())
        dead = "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
        assert await page.evaluate(f"{dead}.filter(id => !document.getElementById(id))") == []
        assert await page.evaluate(
            "[...document.querySelectorAll('[data-figure]')].every(node => "
            "node.getAttribute('aria-label') && node.closest('section').querySelector('table'))"
        )
        # A link into a collapsed section opens it and its parents.
        await page.evaluate("document.querySelector('a[href^=\"#sql-\"]').click()")
        await page.evaluate("new Promise(done => setTimeout(done, 100))")
        assert await page.evaluate("document.getElementById(location.hash.slice(1)).open")
        assert await page.evaluate("document.querySelector('.sql[open] summary').checkVisibility()")

    browse(visit)


def test_on_a_phone_the_header_is_one_line_and_the_page_no_wider_than_the_screen(small: Path) -> None:
    async def visit(page: Page) -> None:
        await page.size(390, 844)
        await page.open(small.as_uri())
        assert await page.evaluate("document.querySelector('header').offsetHeight") < 60
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390

    browse(visit)


def test_colours_of_text_have_contrast(small: Path) -> None:
    """WCAG AA: 4.5 to 1 for text, in both themes."""

    async def visit(page: Page) -> None:
        await page.open(small.as_uri())
        for scheme in ("light", "dark"):
            await page.prefer(scheme)
            await page.evaluate("new Promise(done => setTimeout(done, 150))")
            assert await page.evaluate(CONTRAST) == []

    browse(visit)


@pytest.mark.soak
def test_a_report_of_100_series_and_5_years_opens_almost_like_a_small_one(large: Path, small: Path) -> None:
    async def first_chart(page: Page, path: Path) -> tuple[float, float]:
        await page.size(1300, 900)
        await page.open(path.as_uri())
        drawn = await page.evaluate(FIRST_CHART)
        painted = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        assert page.problems == []
        return painted, drawn

    # The second opening of each, because the first one warms up the browser and the disk.
    times = {}
    for name, path in (("small", small), ("large", large)):
        times[name] = min(browse(partial(first_chart, path=path)) for _ in range(2))
    # Text and tables are there long before Plotly has been read, and 100 x 5 years cost less than reading it.
    assert times["large"][0] < times["large"][1]
    assert times["large"][1] < 3 * times["small"][1]


def test_100_series_and_5_years_stay_a_light_page_whose_coverage_shows_before_plotly(large: Path) -> None:
    async def visit(page: Page) -> None:
        await page.size(1300, 900)
        await page.open(large.as_uri())
        await page.evaluate(FIRST_CHART)
        marks = "['coverage-sketched', 'first-chart'].map(name => performance.getEntriesByName(name)[0].startTime)"
        sketched, drawn = await page.evaluate(marks)
        assert sketched < drawn
        assert not await page.evaluate("document.querySelector('.sketch')"), "the picture must make way for the chart"
        # A cell of the heatmaps must not become an element: that would be 182,600.
        assert await page.evaluate("document.getElementsByTagName('*').length") < 15_000
        assert page.problems == []

    browse(visit)
    # Plotly is 4.8 MB of it.
    assert large.stat().st_size < 8_000_000


def test_the_report_prints_with_every_chart(small: Path, tmp_path: Path) -> None:
    async def visit(page: Page) -> None:
        await page.prefer("dark")
        await page.open(small.as_uri())
        await page.pdf(tmp_path / "report.pdf")
        assert await page.evaluate("[...document.querySelectorAll('[data-figure]')].every(node => node.dataset.drawn)")
        heights = "node => node.querySelector('.main-svg').getBoundingClientRect().height > 80"
        assert await page.evaluate(f"[...document.querySelectorAll('[data-figure]')].every({heights})")
        assert page.problems == []

    browse(visit)
    assert (tmp_path / "report.pdf").stat().st_size > 20_000


def test_the_catalog_opens_as_one_file_with_descriptions_and_lineage(published: Warehouse) -> None:
    path = catalog.write(published.settings)

    async def visit(page: Page) -> None:
        await page.open(path.as_uri() + "#!/model/model.market_data.v_bars")
        await page.evaluate("new Promise(done => setTimeout(done, 1500))")
        shown = await page.evaluate("document.body.innerText")
        assert "v_bars" in shown
        assert "Start of the bar, UTC, inclusive." in shown
        assert {url.split(":")[0] for url in page.requests} <= {"file", "data", "blob"}

    browse(visit)
