"""The ways in which a run does not end well."""


class Skipped(Exception):
    """Cases cannot be run here; the text says what is missing."""


class SetupError(Exception):
    """Something to be run or read is missing or wrong; the text says what to do."""


class RequestedAssertionFailed(AssertionError):
    """What a test script demanded did not hold. NixOS's driver has the same name for it."""
