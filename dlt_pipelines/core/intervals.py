"""Windows of time as sorted lists of [start, end), in ms since 1970."""

Windows = list[tuple[int, int]]


def subtract(start: int, end: int, done: Windows) -> Windows:
    """[start, end) without the windows in `done` (sorted, disjoint)."""
    holes: Windows = []
    for done_start, done_end in done:
        if done_end <= start:
            continue
        if done_start >= end:
            break
        if done_start > start:
            holes.append((start, done_start))
        start = done_end
    if start < end:
        holes.append((start, end))
    return holes


def merge(windows: Windows) -> Windows:
    """The union of the windows, sorted; windows that overlap or touch are joined."""
    merged: Windows = []
    for start, end in sorted(windows):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
