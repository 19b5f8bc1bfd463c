"""The column names for type checkers are those of the views."""

from typing import get_args

import pytest

from alphaforge_data import views


@pytest.mark.parametrize(
    ("known", "held"),
    [
        (views.BarColumn, (*views.BARS.columns, *views.COUNTS)),
        (views.FundingColumn, views.FUNDING.columns),
        (views.InstrumentColumn, views.INSTRUMENTS.columns),
        (views.FearGreedColumn, views.FEAR_GREED.columns),
    ],
)
def test_columns_for_type_checkers_are_those_of_the_views(known: object, held: tuple[str, ...]) -> None:
    assert set(get_args(known)) == set(held)
