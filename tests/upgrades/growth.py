"""A copy of this project with another column in `bars`, another dataset and another timeframe.

The examples of docs/adding_a_column.md, docs/adding_a_dataset.md and docs/adding_a_timeframe.md, file by file.
"""

import shutil
from pathlib import Path

import yaml

from warehouse import schema
from warehouse.project import PROJECT

_COPIED = ("alphaforge_data", "config", "dbt_project", "dlt_pipelines", "mdw", "warehouse")
_VIEWS = ("v_{}", "v_{}_at", "v_{}_latest")


def copied(to: Path) -> Path:
    """Copy the code that a command needs, to be changed."""
    for folder in _COPIED:
        shutil.copytree(PROJECT / folder, to / folder, ignore=shutil.ignore_patterns("__pycache__", "target", "logs"))
    return to


def add_column(code: Path) -> None:
    """`taker_buy_volume` of Binance's bars, NULL at the other venues: docs/adding_a_column.md."""
    dbt, column = code / "dbt_project", {"name": "taker_buy_volume", "data_type": "Nullable(Float64)"}
    column["description"] = "Taker buy volume, in base units; NULL if the venue does not provide it."
    _edit(
        dbt / "macros/contract/staging_columns.sql",
        "'trade_count': 'Nullable(UInt64)'",
        "{}, 'taker_buy_volume': number",
    )
    klines = dbt / "macros/staging/binance_klines.sql"
    _edit(klines, '[whole, "String", whole]', '[whole, "String", whole, "String"]')
    _edit(klines, "bar.9 as trade_count_json,", "{}\n        bar.10 as taker_buy_volume_text,")
    _edit(klines, "closed=has_closed()", "{}, more=['taker_buy_volume']")
    _edit(dbt / "models/facts/bars.sql", "    trade_count,\n", "{}    taker_buy_volume,\n")
    _edit(dbt / "macros/snapshots/published_rows.sql", " as trade_count,\n", "{}    taker_buy_volume,\n")
    # The models of a file share the list of columns through an anchor.
    for file in ("staging/bars", "facts/bars", "readers/v_bars"):
        _insert_column(dbt / f"models/{file}.yml", column, after="trade_count")
    _edit(
        code / "alphaforge_data/views.py",
        '"quote_volume", "trade_count")',
        '"quote_volume", "trade_count", "taker_buy_volume")',
    )


def add_dataset(code: Path) -> None:
    """`open_interest` of Binance's perpetuals: docs/adding_a_dataset.md."""
    dbt, number = code / "dbt_project", max(schema.known()) + 1
    ledger = (code / "warehouse/migrations/130_live.sql").read_text()
    ledger = ledger[ledger.index("create or replace view ops.coverage") :].replace(
        "endsWith(_table, 'funding')",
        "endsWith(_table, 'open_interest'), 'open_interest',\n            endsWith(_table, 'funding')",
    )
    table = "create table if not exists raw.binance__usdm_open_interest ${ON_CLUSTER} as raw.binance__spot_klines;\n"
    (code / f"warehouse/migrations/{number}_open_interest.sql").write_text(table + ledger)
    _edit(dbt / "macros/build/schema_version.sql", f"return({number - 1})", f"return({number})")

    project = dbt / "dbt_project.yml"
    _edit(project, "    fear_greed:\n", _DATASET + "{}", once=True)
    _edit(dbt / "models/staging/__sources.yml", "      - {{name: binance__usdm_funding,", _SOURCE + "{}")
    _edit(
        dbt / "macros/contract/staging_columns.sql",
        "        'fear_greed': {{",
        "        'open_interest': dict(series, **{{'time': time, 'open_interest': number}}),\n{}",
    )
    _edit(
        dbt / "macros/contract/staging_leaves.sql",
        "            'instruments': {{\n                'stg_binance__spot",
        "            'open_interest': {{'stg_binance__open_interest': 'binance__usdm_open_interest'}},\n{}",
    )
    (dbt / "models/staging/binance/stg_binance__open_interest.sql").write_text(_STAGING)
    (dbt / "models/facts/open_interest.sql").write_text(_MART)
    (dbt / "macros/snapshots/published_open_interest.sql").write_text(_PUBLISHED)
    texts = (
        "{{{{ view_of_all('{}') }}}}\n",
        "{{{{ config(materialized='parameterized_view') }}}}\n\n{{{{ view_at('{}') }}}}\n",
        "{{{{ view_latest('{}') }}}}\n",
    )
    names = [name.format("open_interest") for name in _VIEWS]
    for name, text in zip(names, texts, strict=True):
        (dbt / f"models/readers/{name}.sql").write_text(text.format("open_interest"))
    _describe(
        dbt / "models/readers/v_open_interest.yml",
        names,
        {"snapshot_id": "LowCardinality(String)", "data_version": "Int64", **_COLUMNS},
    )
    stored = {**_COLUMNS, "source": "LowCardinality(String)", "ingested_at": "DateTime64(6, 'UTC')"}
    versions = {"valid_from_version": "UInt32", "valid_to_version": "UInt32"}
    _describe(dbt / "models/facts/open_interest.yml", ["open_interest"], {**stored, **versions})
    _describe(dbt / "models/staging/open_interest.yml", ["stg_binance__open_interest"], _STAGED)


def add_timeframe(code: Path) -> None:
    """Bars of five minutes: docs/adding_a_timeframe.md."""
    dbt = code / "dbt_project"
    _edit(dbt / "dbt_project.yml", "    1m: 60000\n", "{}    5m: 300000\n")
    described = yaml.safe_load((dbt / "models/facts/bars.yml").read_text())
    (outliers,) = (
        test["audit_passes"]
        for test in described["models"][0]["data_tests"]
        if test.get("audit_passes", {}).get("name") == "bars_return_outliers"
    )
    outliers["arguments"]["thresholds"]["return_warn_5m"] = 0.15
    (dbt / "models/facts/bars.yml").write_text(yaml.safe_dump(described, sort_keys=False))
    universe = yaml.safe_load((Path(__file__).parent / "universe.yml").read_text())
    universe["timeframes"].append("5m")
    universe["bars"]["binance"]["spot"].append("ETH/USDT")
    (code / "universe.yml").write_text(yaml.safe_dump(universe, sort_keys=False))


def _edit(file: Path, found: str, replaced: str, once: bool = False) -> None:
    """Replace a text in the file (`{}` in the new text is the old one); fails if it is not there."""
    text, found, replaced = (
        file.read_text(),
        found.replace("{{", "{"),
        replaced.replace("{}", "\0").replace("{{", "{").replace("}}", "}"),
    )
    assert found in text, f"{file} no longer holds {found!r}"
    file.write_text(text.replace(found, replaced.replace("\0", found), 1 if once else -1))


def _insert_column(file: Path, column: dict[str, str], after: str) -> None:
    described = yaml.safe_load(file.read_text())
    columns = described["models"][0]["columns"]
    columns.insert([one["name"] for one in columns].index(after) + 1, column)
    file.write_text(yaml.safe_dump(described, sort_keys=False))


def _describe(file: Path, models: list[str], columns: dict[str, str]) -> None:
    listed = [{"name": name, "data_type": kind, "description": name} for name, kind in columns.items()]
    described = [{"name": name, "description": "Open interest of perpetuals.", "columns": listed} for name in models]
    file.write_text(yaml.safe_dump({"version": 2, "models": described}, sort_keys=False))


_COLUMNS = {
    "instrument_id": "LowCardinality(String)",
    "venue": "LowCardinality(String)",
    "symbol": "LowCardinality(String)",
    "time": "DateTime64(3, 'UTC')",
    "open_interest": "Float64",
}
_STAGED = {
    "instrument_id": "LowCardinality(String)",
    "venue": "LowCardinality(String)",
    "market": "LowCardinality(String)",
    "symbol": "LowCardinality(String)",
    "time": "Nullable(DateTime64(3, 'UTC'))",
    "open_interest": "Nullable(Float64)",
    "page_id": "UUID",
    "ingested_at": "DateTime64(6, 'UTC')",
    "source": "LowCardinality(String)",
    "problem": "String",
    "raw_row": "String",
}
_DATASET = """    open_interest:
      mart: open_interest
      key: [instrument_id, time]
      time: time
      instrument: instrument_id
      timeframe: "''"
      partition: toYear(time)
"""
_SOURCE = """      - {{name: binance__usdm_open_interest, description: Open interest of Binance USD-M., columns: *page}}
"""
_STAGING = """with exploded as (
    select *, record
    from {{ source('raw', 'binance__usdm_open_interest') }}
    array join JSONExtract(payload, 'Array(Tuple(timestamp String, sumOpenInterest String))') as record
    where http_status = 200
),

checked as (
    select
        {{ page_columns() }},
        {{ to_time('record.timestamp') }} as time,
        {{ to_number('record.sumOpenInterest') }} as open_interest,
        if(isNull(time) or isNull(open_interest), 'no valid time or number', '') as problem,
        toJSONString(record) as raw_row
    from exploded
)

select {{ contract_select('open_interest') }}
from checked
"""
_MART = """{{
    config(
        materialized='versioned',
        unique_key=['instrument_id', 'time'],
        partition_by='toYear(time)',
        meta={'entities': ['open_interest']},
    )
}}

with candidates as ({{ union_leaves('open_interest', 'open_interest') }}
)

select
    instrument_id,
    venue,
    symbol,
    assumeNotNull(time) as time,
    assumeNotNull(open_interest) as open_interest,
    source,
    ingested_at,
    {{ version_columns() }}
from candidates
where problem = ''
"""
_PUBLISHED = """{%- macro published_open_interest(mart, pinned, versions, rules=none) -%}
select
    {{ pinned }},
    instrument_id,
    venue,
    symbol,
    time,
    open_interest
from {{ mart }} final
where {{ versions }}
{%- endmacro -%}
"""
