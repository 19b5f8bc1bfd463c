"""The archive lane: the venues' bulk files, checked and landed as text (docs/archive.md)."""
