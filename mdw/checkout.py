"""Commands that need files which an installed wheel does not contain."""

from warehouse.errors import BadInput
from warehouse.project import CODE


def require(folder: str, command: str) -> None:
    """Raise BadInput if this installation lacks a folder of the repository that a command needs."""
    if not (CODE / folder).is_dir():
        raise BadInput(
            f"`{command}` needs {folder}/ of the repository, which an installed wheel does not include. Clone the "
            "repository, run `make setup` there, and use its .venv/bin/mdw. Nothing was done."
        )
