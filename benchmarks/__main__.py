"""`python -m benchmarks [NAME …]`: run the named benchmarks, or all of them."""

import importlib
import pkgutil
import sys

import benchmarks


def main(names: list[str]) -> int:
    """Run each benchmark; an unknown name is refused with a list of the known ones."""
    known = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_")]
    known = [name for name in known if hasattr(importlib.import_module(f"benchmarks.{name}"), "main")]
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.stderr.write(f"no benchmark {', '.join(unknown)}; available: {', '.join(known)}\n")
        return 2
    # Each benchmark parses its own options, and gets none here.
    sys.argv[1:] = []
    for name in names or known:
        print(f"== {name}")
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
