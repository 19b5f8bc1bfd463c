"""After any trouble of a landing, one more run: views equal to the truth, no double, no hole, older pins unchanged."""

import pytest

from dlt_pipelines import source
from tests.reliability.cases import CASES, Case
from tests.reliability.harness import Line, Window

WINDOWS = {case.name: Window.number(number) for number, case in enumerate(CASES)}


@pytest.fixture(scope="module")
def after(line: Line, request: pytest.FixtureRequest) -> Line:
    """All cases of this run, each with its healthy run, and one build over all of them."""
    asked = {item.callspec.params["case"].name for item in request.session.items if hasattr(item, "callspec")
             and "case" in item.callspec.params}  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        # The same waits, a tenth as long.
        patch.setattr(source, "BACKOFF_SECONDS", 0.04)
        line.land(WINDOWS["a fifth of everything"])
        line.publish("before")
        for case in CASES:
            if case.name in asked and not (case.needs_small_disk and line.ballast is None):
                try:
                    _one(line, case)
                except Exception as problem:
                    line.broken[case.name] = problem
    line.publish("after")
    return line


def _one(line: Line, case: Case) -> None:
    window = WINDOWS[case.name]
    case.trouble(line, window)
    line.heal()
    report = line.land(window)
    assert report.complete, (case.name, report.failures)
    assert line.land(window).pages == 0, f"{case.name}: the run after the healthy one found something missing"
    left = [path.name for path in (line.settings.home / "dlt").iterdir()]
    assert left == [], f"{case.name} left {left}"


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.name, marks=() if case.quick else pytest.mark.soak) for case in CASES]
)
def test_the_views_show_the_truth_after(after: Line, case: Case) -> None:
    if case.needs_small_disk and after.ballast is None:
        pytest.skip("this machine does not allow a small disk (mount of a tmpfs)")
    if case.name in after.broken:
        raise after.broken[case.name]
    after.assert_true("after", WINDOWS[case.name])
