"""The one kind of error that is meant for the user's eyes."""


class PodiumError(Exception):
    """Something the user can mend: the message names the file, row or key, and the remedy.

    Command lines print the message without a traceback and exit with `exit_code`.
    """

    exit_code = 1


class UsageError(PodiumError):
    """The command or the recipe is wrong (exit code 2), rather than the data (1)."""

    exit_code = 2


class StartAgain(PodiumError):
    """Nothing is wrong but that all processes of this work have to begin anew, where it was left off."""

    exit_code = 75
