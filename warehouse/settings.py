"""All settings from the environment (prefix MDW_)."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from warehouse.connection import Connection
from warehouse.errors import BadInput
from warehouse.project import PROJECT
from warehouse.utc import in_utc

Role = Literal["admin", "ingest", "transform", "researcher", "auditor"]
# In MDW_HOME: the universe of this warehouse only.
OWN_UNIVERSE = "universe.yml"


class _Origins(PydanticBaseSettingsSource):
    """MDW_<ORIGIN>_URL of every origin: the venues define them, and this package does not know the venues."""

    def get_field_value(self, field: object, field_name: str) -> tuple[Any, str, bool]:
        """Not used: declared variables come from pydantic's own source."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        names = {name.removeprefix("MDW_").lower(): value for name, value in os.environ.items() if _is_origin(name)}
        return {name: value for name, value in names.items() if name not in self.settings_cls.model_fields}


def _is_origin(variable: str) -> bool:
    return variable.startswith("MDW_") and variable.endswith("_URL")


class Settings(BaseSettings):
    """The MDW_* variables. In addition to those declared here, MDW_<ORIGIN>_URL overrides the address of a venue."""

    model_config = SettingsConfigDict(env_prefix="MDW_", extra="allow", populate_by_name=True)

    home: Path = Field(default=Path(".mdw"), description="data, logs and reports")
    clickhouse_url: SecretStr | None = Field(default=None, description="unset: the embedded server")
    role_urls: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="a URL for single roles, before clickhouse_url; acceptance of a deployment sets it",
    )
    ca_file: Path | None = Field(
        default=None, description="PEM file with the CA that signed the server's certificate; unset: the public CAs"
    )
    http_port: int | None = Field(default=None, ge=1, le=65535, description="embedded server, else a free port")
    tcp_port: int | None = Field(default=None, ge=1, le=65535, description="embedded server, else a free port")
    universe: Path = Field(
        default=PROJECT / "config" / "universe.yml",
        description="the universe file; unset: universe.yml in MDW_HOME if there is one, else in config/",
    )
    now: datetime | None = Field(default=None, description="the clock of a replayed market; unset: the real clock")

    cluster: str = Field(default="", description="cluster name for ON CLUSTER; empty: one server")

    environment: str = Field(default="local", description="name of the deployment, in metrics and alerts")
    alert_sns_topic: str | None = Field(
        default=None,
        description="topic that alerts go to",
        validation_alias=AliasChoices("MDW_ALERT_SNS_TOPIC", "MDW_ALERT_TOPIC_ARN"),
    )
    alert_webhook_url: SecretStr | None = Field(default=None, description="Slack-compatible webhook; a secret")
    alert_repeat_hours: float = Field(
        default=6, gt=0, description="hours after which an alert is repeated while it lasts"
    )
    runbook_url: str = Field(default="", description="where runbooks/ is published; empty: paths of the repository")

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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment."""
        return init_settings, env_settings, _Origins(settings_cls)

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("ca_file")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(
                "there is no such file; it is clickhouse/ca.pem of the code bucket (docs/aws_deployment.md)"
            )
        return value

    @field_validator("clickhouse_url", "ca_file", "alert_sns_topic", "alert_webhook_url", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return value or None

    @model_validator(mode="after")
    def _universe_of_this_home(self) -> Self:
        own = self.home / OWN_UNIVERSE
        if "universe" not in self.model_fields_set and own.exists():
            self.universe = own
        return self

    @field_validator("now")
    @classmethod
    def _with_zone(cls, value: datetime | None) -> datetime | None:
        return None if value is None else in_utc(value)

    @property
    def embedded(self) -> bool:
        """Whether the embedded server is used."""
        return self.clickhouse_url is None and not self.role_urls

    @property
    def one_user(self) -> bool:
        """Whether one URL, and so one user, serves every role."""
        return self.clickhouse_url is not None and not self.role_urls

    @property
    def origins(self) -> Mapping[str, str]:
        """Addresses that override the venues' own, by origin such as `okx_url`, without a trailing slash."""
        return {name: str(url).rstrip("/") for name, url in (self.model_extra or {}).items() if url}

    def clock(self) -> datetime:
        """The time in UTC: that of the replayed market if one is set."""
        return (self.now or datetime.now(UTC)).astimezone(UTC)

    def connection(self, role: Role) -> Connection:
        """Address and user for a role.

        If MDW_CLICKHOUSE_URL is set, its user serves every role that has no URL of its own: a deployment gives each
        service the URL of its user. Raises OperationFailed if the embedded server was never started.
        """
        url = self.role_urls.get(role) or self.clickhouse_url
        if url is not None:
            return Connection.from_url(url.get_secret_value())
        from warehouse.embedded.state import read_state

        return read_state(self.home).connection(role)
