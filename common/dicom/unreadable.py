"""Why a file gives no picture, in words that name nobody."""

from common.errors import PodiumError


class UnreadableRadiograph(PodiumError):
    """The message says why. It holds numbers and terms of the standard, never a text that stands in the file."""
