"""What can be wrong with an archive file. Each is a reason to ask REST for the same window."""

from typing import ClassVar

from dlt_pipelines.errors import SourceTrouble


class FileTrouble(SourceTrouble):
    """A file that is not landed."""

    kind: ClassVar[str] = "bad_file"


class NoFile(FileTrouble):
    """The archive does not have it (yet)."""

    kind = "missing_file"


class BadChecksum(FileTrouble):
    """The bytes are not those that the venue published."""

    kind = "bad_checksum"


class Suspicious(FileTrouble):
    """A zip that could do harm, or is not of the form that archives have."""

    kind = "suspicious_file"


class UnknownForm(FileTrouble):
    """Rows that are not what the name of the file says."""

    kind = "unknown_form"
