"""All checks, in order of dependency."""

from collections.abc import Iterator

from mdw.doctor.database import check_database
from mdw.doctor.finding import Finding
from mdw.doctor.machine import check_machine
from mdw.doctor.venues import check_venues
from warehouse.settings import Settings


def run_checks(settings: Settings) -> Iterator[Finding]:
    """Yield findings as they come; no check stops the others, and none changes anything."""
    yield from check_machine(settings)
    yield from check_database(settings)
    yield from check_venues(settings)
