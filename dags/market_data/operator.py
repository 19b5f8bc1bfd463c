"""The only operator: runs several calls of `mdw` in sequence on one worker."""

import json
import shlex
from collections.abc import Sequence
from typing import Any

from airflow.sdk import Asset, BaseOperator, Context

from market_data.alerts import RUNBOOK
from market_data.environment import Role, environment
from market_data.process import Call, CallResult, Verdict

try:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException
except ImportError:  # Airflow 3.0
    from airflow.exceptions import AirflowException, AirflowFailException

# XCom is for people and the next task, not a data channel.
_XCOM_BYTES = 16_384


class MdwOperator(BaseOperator):
    """Runs `mdw` with each list of arguments of `calls`; every call is idempotent, so a retry just calls again.

    All calls are made even if one fails (a report of a failed audit is still uploaded); then the task fails.
    Returns the JSON of the last call. `publishes` gets an event with the snapshot's id if a build published one.
    `runbook` is named in alerts about this task.
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
        """The values of the options, which distinguish mapped tasks."""
        return " ".join(word for word in self.calls[0][1:] if not word.startswith("--"))

    def execute(self, context: Context) -> Any:
        """Make the calls; the exception tells Airflow whether to retry."""
        variables = environment(self.role)
        results = [self._call(list(map(str, call)), variables) for call in self.calls]
        bad = [one for one in results if one.verdict is not Verdict.DONE]
        if bad:
            kind = AirflowFailException if all(one.verdict is Verdict.GIVE_UP for one in bad) else AirflowException
            raise kind("; ".join(one.reason for one in bad))
        last = results[-1].document
        if self.publishes is not None:
            self._announce(context, last)
        return _xcom_value(last)

    def on_kill(self) -> None:
        """Called when Airflow ends the task: timeout, cleared or marked by hand, worker shutting down."""
        if self._running is not None:
            self._running.stop()

    def _call(self, arguments: list[str], variables: dict[str, str]) -> CallResult:
        self.log.info("mdw %s", shlex.join(arguments))
        try:
            self._running = Call(arguments, variables)
        except OSError as error:
            raise AirflowException(f"mdw cannot be started ({error}): set MDW_BIN to it, see dags/README.md") from None
        result = self._running.wait(lambda line: self.log.info("%s", line))
        self._running = None
        if result.document is not None:
            self.log.info("%s", json.dumps(result.document, indent=2, ensure_ascii=False))
        return result

    def _announce(self, context: Context, document: Any) -> None:
        if not document or not document.get("published"):
            raise AirflowException("the build succeeded but reports no published snapshot")
        context["outlet_events"][self.publishes].extra = {
            name: document[name] for name in ("snapshot_id", "data_version")
        }


def _xcom_value(document: Any) -> Any:
    if len(json.dumps(document, default=str)) <= _XCOM_BYTES:
        return document
    if isinstance(document, dict):
        return {name: value for name, value in document.items() if not isinstance(value, list | dict)}
    return None
