"""Stand-ins for macros that return values, so that sqlfluff renders the models without dbt."""


def staging_columns(entity: str, only_numbers: bool = False) -> dict[str, str] | list[str]:
    """One column instead of the contract of an entity; no numbers beyond the usual ones."""
    return [] if only_numbers else {"problem": "String"}


def union_leaves(entity: str, mart: str, condition: str = "") -> str:
    """A table instead of the union of an entity's staging models."""
    return f"\n    select * from stg_{entity}"


def overlap_pages(pages: str) -> str:
    """A condition instead of the pages that a build compares."""
    return f"{pages}.done = 0"


def has_conflicts() -> bool:
    """As where some rows were set aside."""
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


def newest_version(snapshots: str) -> str:
    """A scalar instead of the newest version that the node holds."""
    return f"(select max(data_version) from {snapshots})"


def view_manifest_at() -> str:
    """A table instead of the manifest of one snapshot."""
    return "select snapshot_id from manifest"


def datasets() -> dict[str, dict[str, str]]:
    """One dataset instead of all."""
    return {"bars": {"mart": "bars"}}


def manifest_delta(dataset: str, hash: str = "", is_whole: bool = False) -> str:  # noqa: A002 - name of the macro's
    """A table instead of the changes of a dataset."""
    return f"select dataset from {dataset}"


def hashes_as_published(dataset: str) -> bool:
    """A dataset whose manifest begins anew, so that this part is rendered too."""
    return False


def hash_function() -> str:
    """A name instead of the hash of rows."""
    return "hash"


def hashed_columns_sql() -> str:
    """A constant instead of the columns."""
    return "map()"


def forget_unpublished_manifest() -> str:
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


def env_var(name: str, default: str = "") -> str:
    """The default instead of the environment."""
    return default


def of_this_run(name: str) -> str:
    """A word instead of the run's value."""
    return name


def threshold(name: str) -> float:
    """A number instead of a threshold of the audits."""
    return 0.5


def return_worth_a_look() -> float:
    """A number instead of the threshold of each timeframe."""
    return 0.5


def timeframe_names() -> list[str]:
    """One timeframe instead of all."""
    return ["1m"]


def audits_everything() -> bool:
    """The run that looks at what is new."""
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


def found_before(dataset: str) -> str:
    """A table instead of the findings of the run before."""
    return "select * from results"


def previous_audit_run() -> int:
    """No run before."""
    return 0


def open_rows() -> str:
    """A condition instead of the rows that would be published."""
    return "valid_to_version = 4294967295"


rows_changed_since_publication = of_a_whole_listing = open_rows


def broken_rules(mart: str) -> str:
    """A number instead of the rules that a row breaks."""
    return "1"


def now_utc() -> str:
    """A function instead of the replayed clock."""
    return "now64(3, 'UTC')"


def findings_of_bars() -> str:
    """A table instead of the union of audits."""
    return "select * from findings"


findings_of_missing = findings_of_others = findings_of_bars


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
