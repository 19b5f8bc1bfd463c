"""Stand-ins for macros that return values, so that sqlfluff renders the models without dbt."""


def staging_columns(entity: str, only_numbers: bool = False) -> dict[str, str] | list[str]:
    """One column instead of the contract of an entity; no numbers beyond the usual ones."""
    return [] if only_numbers else {"problem": "String"}


def union_leaves(entity: str, mart: str, condition: str = "", leaves: list[str] | None = None) -> str:
    """A table instead of the union of an entity's staging models."""
    return f"\n    select * from stg_{entity}"


def is_selected_page(mart: str, page: str = "page_id") -> str:
    """A condition instead of the pages that a build processes."""
    return f"{page} != '{mart}'"


def has_conflicts() -> bool:
    """As if some rows were set aside."""
    return True


def not_in_conflict(dataset: str, time: str) -> str:
    """A condition instead of the rows that were set aside."""
    return f"{time} != '{dataset}'"


def version_columns() -> str:
    """Constants instead of the running build."""
    return "1 as valid_from_version, 2 as valid_to_version"


def _a_view(dataset: str) -> str:
    return f"select snapshot_id from {dataset}"


view_at = view_latest = view_of_all = _a_view


def view_bars_live() -> str:
    """A table instead of published and provisional rows."""
    return "select snapshot_id from bars"


def newest_version(snapshots: str) -> str:
    """A scalar instead of the newest version on the node."""
    return f"(select max(data_version) from {snapshots})"


def view_manifest_at() -> str:
    """A table instead of the manifest of one snapshot."""
    return "select snapshot_id from manifest"


def datasets() -> dict[str, dict[str, str]]:
    """One dataset instead of all."""
    return {"bars": {"mart": "bars", "time": "open_time", "instrument": "instrument_id", "timeframe": "timeframe"}}


def manifest_delta(dataset: str, hash: str = "", is_whole: bool = False) -> str:  # noqa: A002 - name of the macro's
    """A table instead of the changes of a dataset."""
    return f"select dataset from {dataset}"


def hashes_as_published(dataset: str) -> bool:
    """A dataset whose manifest starts over, so that this part is rendered too."""
    return False


def hash_function() -> str:
    """A name instead of the hash of rows."""
    return "hash"


def hashed_columns_sql() -> str:
    """A constant instead of the columns."""
    return "map()"


def delete_unpublished_manifest() -> str:
    """Nothing: a hook."""
    return ""


def build_version() -> int:
    """A number instead of the running build."""
    return 1


last_published_version = rules = build_version


def snapshot_id() -> str:
    """A name instead of the published one."""
    return "X"


def sql_text(text: str) -> str:
    """The text itself."""
    return text


def quoted(texts: list[str]) -> str:
    """One literal instead of the texts."""
    return "'text'"


def merged_raw(raws: list[str]) -> str:
    """A table instead of several."""
    return "raw"


invocation_id = "id"


def env_var(name: str, default: str = "") -> str:
    """The default instead of the environment."""
    return default


def run_var(name: str) -> str:
    """A text instead of the run's value."""
    return name


def threshold(name: str) -> float:
    """A number instead of a threshold of the audits."""
    return 0.5


def return_threshold() -> float:
    """A number instead of the threshold of each timeframe."""
    return 0.5


def var(name: str, default: object = "item") -> object:
    """One timeframe instead of all; a text instead of any other variable."""
    return {"1m": 60000} if name == "timeframes" else "item"


def audits_everything() -> bool:
    """The run that covers only new rows."""
    return False


def published_row_hash(dataset: str) -> str:
    """A column instead of the hash of a row."""
    return "hash"


def in_audited_day(time: str) -> str:
    """A constant instead of the days in scope."""
    return "true"


def audited_days() -> str:
    """Days instead of those in scope."""
    return "select * from days"


def bars_in_scope() -> str:
    """A condition instead of the days in scope."""
    return "true"


def previous_findings(dataset: str) -> str:
    """A table instead of the findings of the previous run."""
    return "select * from results"


def previous_audit_run() -> int:
    """No previous run."""
    return 0


def open_rows() -> str:
    """A condition instead of the rows that would be published."""
    return "valid_to_version = 4294967295"


rows_changed_since_publication = is_complete_listing = open_rows


def violated_rules(mart: str) -> str:
    """A number instead of the rules that a row violates."""
    return "1"


def now_utc() -> str:
    """A function instead of the replayed clock."""
    return "now64(3, 'UTC')"


def findings_of(relations: list[str]) -> str:
    """A table instead of the union of audits."""
    return "select * from findings"


def row_rule_violations(mart: str, time: str, condition: str, timeframe: str = "", instrument: str = "") -> str:
    """A table instead of the row rules."""
    return f"select audit from {mart}"


duplicate_keys = lane_differences = unreadable_values = _a_view


def no_findings() -> str:
    """An audit without findings."""
    return "select '' as audit where false"


def finding_rows_sql(mart: str, condition: str = "", time: str = "", timeframe: str = "") -> str:
    """A text instead of the query that lists the rows of a finding."""
    return f"'{mart}'"


def in_hours(hours: str, before: int = 0, key: str = "") -> str:
    """A condition instead of the hours of a subquery."""
    return f"open_time in ({hours})"


def audited_hours(condition: str = "") -> str:
    """A table instead of the hours that a run covers."""
    return "select hour from hours"


def series_days_at(version: int) -> str:
    """A table instead of the newest row of each day."""
    return "series_days"


def newest_instruments() -> str:
    """A table instead of the newest states."""
    return "newest_instruments"


def newest_listings() -> str:
    """A table instead of the listing times."""
    return "newest_listings"


def before_listing_detail(rows: str) -> str:
    """A text instead of the detail of a finding."""
    return f"'{rows}'"


def unresolved_rejects() -> str:
    """A table instead of the unresolved rows."""
    return "select * from rejected"


def active_quarantines(version: int) -> str:
    """A table instead of the active decisions."""
    return "select * from quarantine"


def funding_steps(mart: str, versions: str) -> str:
    """A table instead of the payments with the steps around them."""
    return "select * from payments"


def is_one_period() -> str:
    """A column instead of the condition on a step."""
    return "is_one_period"


def may_be_period(step: str) -> str:
    """A condition on a step."""
    return f"{step} > 0"


def divides(step: str, whole: str) -> str:
    """A condition on two steps."""
    return f"{whole} = {step}"


def funding_period() -> str:
    """A column instead of the period derived from the steps."""
    return "step"


def leaves_of_unpublished_pages(entity: str, mart: str) -> list[str]:
    """A leaf instead of those with unpublished pages."""
    return [entity]


def sampled_unpublished_pages(mart: str) -> str:
    """A condition instead of the unpublished pages."""
    return f"mart = '{mart}'"


def manifest_relation() -> str:
    """The table itself."""
    return "marts.snapshot_manifest"


def counted_rows(dataset: str) -> str:
    """A table instead of the rows and hashes of a dataset."""
    return f"select dataset from {dataset}"


def counted_bars() -> str:
    """The same for bars."""
    return "select dataset from bars"


def coverage_islands(dataset: str, mart: str, version: str) -> str:
    """A table instead of the windows that pages prove."""
    return "select * from islands"


def name_of_node() -> str:
    """A name instead of that of the test."""
    return "audit"


def audit_catalog() -> str:
    """A table instead of the list of audits."""
    return "select * from catalog"


def bar_gaps_at() -> str:
    """A table instead of the computation of gaps."""
    return "select * from gaps"


def bar_gaps(version: str) -> str:
    """A table instead of the computation of gaps."""
    return "select * from gaps"


def dataset_condition(version: str, moment: str) -> str:
    """A table instead of the computation of conditions."""
    return "select * from days"


def dataset_condition_at(snapshots: str, results: str) -> str:
    """A table instead of the computation of conditions."""
    return "select * from days"
