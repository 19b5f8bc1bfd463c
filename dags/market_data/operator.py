"""The one operator: calls of `mdw`, one after another, on one worker."""

import json
import shlex
from collections.abc import Sequence
from typing import Any

from airflow.sdk import Asset, BaseOperator, Context

from market_data.alerts import RUNBOOK
from market_data.environment import Role, environment
from market_data.process import Call, Ended, Verdict

try:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException
except ImportError:  # Airflow 3.0
    from airflow.exceptions import AirflowException, AirflowFailException

# What a task hands on is for people and the next task, not a data channel.
_XCOM_BYTES = 16_384


class MdwOperator(BaseOperator):
    """Runs `mdw` with each list of arguments of `calls`; every call is idempotent, so a retry just calls again.

    All calls are made even where one fails (a report of a failed audit is still uploaded); then the task fails.
    Returns the JSON of the last call. `publishes` gets an event with the snapshot's id where a build published one.
    `runbook` is the page that an alert about this task names.
    """

    template_fields: Sequence[str] = ("calls",)
    ui_color = "#dbe9f6"

    def __init__(
        self, *, calls: Any, role: Role, runbook: str = RUNBOOK, publishes: Asset | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs, **({"outlets": [publishes]} if publishes else {}))
        self.calls = calls
        self.role: Role = role
        self.runbook = runbook
        self.publishes = publishes
        self._running: Call | None = None

    @property
    def title(self) -> str:
        """The values of the options, by which mapped tasks differ."""
        return " ".join(word for word in self.calls[0][1:] if not word.startswith("--"))

    def execute(self, context: Context) -> Any:
        """Make the calls; raises so that Airflow tries again, or not where that cannot help."""
        around = environment(self.role)
        ended = [self._call(list(map(str, call)), around) for call in self.calls]
        bad = [one for one in ended if one.verdict is not Verdict.DONE]
        if bad:
            kind = AirflowFailException if all(one.verdict is Verdict.GIVE_UP for one in bad) else AirflowException
            raise kind("; ".join(one.reason for one in bad))
        last = ended[-1].document
        if self.publishes is not None:
            self._announce(context, last)
        return _handed_on(last)

    def on_kill(self) -> None:
        """Airflow ends the task: timeout, cleared or marked by hand, worker shutting down."""
        if self._running is not None:
            self._running.stop()

    def _call(self, arguments: list[str], around: dict[str, str]) -> Ended:
        self.log.info("mdw %s", shlex.join(arguments))
        try:
            self._running = Call(arguments, around)
        except OSError as error:
            raise AirflowException(f"mdw cannot be started ({error}): set MDW_BIN to it, see dags/README.md") from None
        ended = self._running.wait(lambda line: self.log.info("%s", line))
        self._running = None
        if ended.document is not None:
            self.log.info("%s", json.dumps(ended.document, indent=2, ensure_ascii=False))
        return ended

    def _announce(self, context: Context, document: Any) -> None:
        if not document or not document.get("published"):
            raise AirflowException("the build ended well but says of no snapshot that it was published")
        context["outlet_events"][self.publishes].extra = {
            name: document[name] for name in ("snapshot_id", "data_version")
        }


def _handed_on(document: Any) -> Any:
    if len(json.dumps(document, default=str)) <= _XCOM_BYTES:
        return document
    if isinstance(document, dict):
        return {name: value for name, value in document.items() if not isinstance(value, list | dict)}
    return None
