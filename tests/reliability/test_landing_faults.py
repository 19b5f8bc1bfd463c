"""After any fault of a landing, one more run: the views equal the market, without duplicates or gaps, older pins
unchanged."""

import pytest

from dlt_pipelines.http import venue_client
from tests.reliability.cases import CASES, Case
from tests.reliability.harness import Line
from tests.reliability.job import Job

# Minutes: behind `make slow`, which CI runs.
pytestmark = pytest.mark.slow

BEFORE = Job.hours(len(CASES))


@pytest.fixture(scope="module")
def after(line: Line, request: pytest.FixtureRequest) -> Line:
    """All cases of this run, each with its healthy run, and one build for all of them."""
    asked = [case for case in CASES if any(item.name.endswith(f"[{case.name}]") for item in request.session.items)]
    with pytest.MonkeyPatch.context() as patch:
        # The same waits, a tenth as long.
        patch.setattr(venue_client, "BACKOFF_SECONDS", 0.04)
        line.land(BEFORE)
        if not all(case.quick for case in asked):
            # Another build would take too long for `make test`.
            line.publish("before")
        for case in asked:
            if not (case.needs_small_disk and line.ballast is None):
                try:
                    _one(line, case)
                except Exception as problem:
                    line.broken[case.name] = problem
    line.publish("after")
    return line


def _one(line: Line, case: Case) -> None:
    try:
        case.trouble(line, case.job)
    finally:
        line.heal()
    line.one_more_run(case.job)


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.name, marks=() if case.quick else pytest.mark.soak) for case in CASES]
)
def test_the_views_show_the_truth_after(after: Line, case: Case) -> None:
    if case.needs_small_disk and after.ballast is None:
        pytest.skip("this machine does not allow a small disk (mount of a tmpfs)")
    if case.name in after.broken:
        raise after.broken[case.name]
    after.assert_true("after", case.job)
