{{ bar_gaps(newest_version(ref('snapshots'))) }}
