"""What a wheel does not carry: commands that need it say so."""

from warehouse.errors import BadInput
from warehouse.settings import CODE


def require(folder: str, command: str) -> None:
    """Raise BadInput where this installation lacks a folder of the repository that a command needs."""
    if not (CODE / folder).is_dir():
        raise BadInput(
            f"`{command}` needs {folder}/ of the repository, which an installed wheel does not carry. Clone the "
            "repository, run `make setup` there, and use its .venv/bin/mdw. Nothing was done."
        )
