"""Everything that comes from the environment, in one place (prefix MDW_)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse.connection import Connection
from warehouse.errors import BadInput

Role = Literal["admin", "ingest", "transform", "researcher", "auditor"]
PROJECT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """The MDW_* variables. An origin that is None means the real exchange."""

    model_config = SettingsConfigDict(env_prefix="MDW_", extra="ignore", populate_by_name=True)

    home: Path = Field(default=Path(".mdw"), description="data, logs and reports")
    clickhouse_url: SecretStr | None = Field(default=None, description="unset: the embedded server")
    http_port: int | None = Field(default=None, ge=1, le=65535, description="embedded server, else a free port")
    tcp_port: int | None = Field(default=None, ge=1, le=65535, description="embedded server, else a free port")
    universe: Path = Field(default=PROJECT / "config" / "universe.yml")
    now: datetime | None = Field(default=None, description="the clock of a replayed market; unset: the real clock")

    cluster: str = Field(default="", description="cluster name for ON CLUSTER; empty: one server")

    environment: str = Field(default="local", description="name of the deployment, in metrics and alerts")
    alert_sns_topic: str | None = Field(
        default=None,
        description="topic that alerts go to",
        validation_alias=AliasChoices("MDW_ALERT_SNS_TOPIC", "MDW_ALERT_TOPIC_ARN"),
    )
    alert_webhook_url: SecretStr | None = Field(default=None, description="Slack-compatible webhook; a secret")
    alert_repeat_hours: float = Field(default=6, gt=0, description="an alert that lasts is said again so often")
    runbook_url: str = Field(default="", description="where runbooks/ is published; empty: paths of the repository")

    binance_spot_url: str | None = None
    binance_usdm_url: str | None = None
    binance_archive_url: str | None = None
    okx_url: str | None = None
    okx_archive_url: str | None = None
    bybit_url: str | None = None
    fear_greed_url: str | None = None

    @classmethod
    def load(cls) -> Self:
        """Read the environment; raises BadInput that names the variable."""
        try:
            return cls()
        except ValidationError as error:
            problems = "; ".join(
                f"MDW_{str(issue['loc'][0]).upper()} is {issue['input']!r}: {issue['msg']}" for issue in error.errors()
            )
            raise BadInput(f"{problems}. Correct the variable or unset it.") from None

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("clickhouse_url", "alert_sns_topic", "alert_webhook_url", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return value or None

    @field_validator("now")
    @classmethod
    def _with_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a time needs a zone, such as 2025-01-28T00:00:00Z")
        return value

    @property
    def embedded(self) -> bool:
        """Whether the embedded server is the warehouse."""
        return self.clickhouse_url is None

    @property
    def origins(self) -> dict[str, str | None]:
        """Addresses of the exchanges by name of their setting, without a slash at the end; None is the real one."""
        names = ("binance_spot", "binance_usdm", "binance_archive", "okx", "okx_archive", "bybit", "fear_greed")
        given = {f"{name}_url": getattr(self, f"{name}_url") for name in names}
        return {name: url.rstrip("/") if url else None for name, url in given.items()}

    def clock(self) -> datetime:
        """Now in UTC: the replayed market's clock where one is set."""
        return (self.now or datetime.now(UTC)).astimezone(UTC)

    def connection(self, role: Role) -> Connection:
        """Address and user for a role.

        With MDW_CLICKHOUSE_URL set its user serves every role: a deployment gives each service the URL of
        the user it may be. Raises WorldError where the embedded server was never started.
        """
        if self.clickhouse_url is not None:
            return Connection.from_url(self.clickhouse_url.get_secret_value())
        from warehouse.embedded.state import read_state

        return read_state(self.home).connection(role)
