"""The REST lane: paging, where a history starts, the run, the load by dlt."""
