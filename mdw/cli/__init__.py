"""The commands of `mdw`, a module a group."""
