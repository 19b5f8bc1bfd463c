"""Tables: no word is broken on a terminal, no line is truncated on a pipe."""

from hypothesis import example, given
from hypothesis import strategies as st

from mdw.console.tables import Cell, lay_out

WORDS = st.text("abcäxyz:/-0123", min_size=1, max_size=30)
TEXTS = st.lists(WORDS, max_size=8).map(" ".join)
CELLS = st.one_of(TEXTS.map(Cell), st.integers(0, 10**12).map(lambda value: Cell(f"{value:,}", right=True, whole=True)))


@given(st.lists(st.lists(CELLS, min_size=4, max_size=4), max_size=5), st.integers(40, 120))
@example([[Cell("alternative_me"), Cell("2025-06-17 00:01", whole=True), Cell("a b " * 30), Cell("")]], 40)
def test_on_a_terminal_every_word_stays_whole_and_lines_fit(rows: list[list[Cell]], width: int) -> None:
    header, lines = lay_out(("one", "two words", "three", "four"), rows, width)
    shown = [*header, *lines]
    for row in rows:
        assert {word for cell in row for word in cell.text.split()} <= {word for line in shown for word in line.split()}
    assert [line for line in shown if len(line) > width and len(line.split()) > 3] == []


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5))
def test_on_a_pipe_a_record_is_one_line(rows: list[list[Cell]]) -> None:
    header, lines = lay_out(("a", "b", "c"), rows, None)
    assert (len(header), len(lines)) == (1, len(rows))
    for row, line in zip(rows, lines, strict=True):
        assert all(cell.text in line for cell in row)


def test_what_does_not_fit_next_to_it_goes_below_or_into_blocks() -> None:
    note = Cell("synthetic market (seed 7): prices are made up")
    header, lines = lay_out(("snapshot", "rows", "note"), [[Cell("demo"), Cell("474,490", True, True), note]], 40)
    assert header == ["snapshot     rows", "    note"]
    assert lines == ["demo      474,490", "    synthetic market (seed 7): prices", "    are made up"]
    header, lines = lay_out(("a", "b"), [[Cell("x" * 30, whole=True), Cell("y" * 30, whole=True)]], 40)
    assert (header, lines) == ([], ["a  " + "x" * 30, "b  " + "y" * 30])
