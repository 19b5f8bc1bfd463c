"""`python -m tests.docs.notebook FILE`: run a notebook's code and print its values, as Jupyter does."""

import ast
import json
import sys
from pathlib import Path


def main(path: Path) -> None:
    space: dict[str, object] = {}
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] != "code":
            continue
        body = ast.parse("".join(cell["source"])).body
        value = body.pop() if isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), cell["id"], "exec"), space)
        if isinstance(value, ast.Expr):
            sys.stdout.write(
                f"{cell['id']}: {eval(compile(ast.Expression(value.value), cell['id'], 'eval'), space)!r}\n"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
