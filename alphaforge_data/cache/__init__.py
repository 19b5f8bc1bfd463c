"""The cache of pinned reads: files with checksums, an index of their sizes, and locks around fetching."""

from alphaforge_data.cache.store import CacheInfo, Key, Store, default_folder, expanded

__all__ = ["CacheInfo", "Key", "Store", "default_folder", "expanded"]
