select
    snapshot_id,
    data_version,
    published_at,
    row_counts,
    content_hashes,
    code_revision,
    note
from {{ ref('snapshots') }}
