"""When a request that failed is tried again, and after how long."""

import sys
import time
from email.utils import parsedate_to_datetime

import requests

TRIES = 5
LONGEST_PAUSE_S = 600.0
_TOLD_PAUSE_S = 4.0


def seconds_to_wait(error: requests.RequestException, attempt: int) -> float | None:
    """The pause before trying again after the `attempt`-th failure, or None where waiting cannot help.

    Honours Retry-After up to LONGEST_PAUSE_S; a longer one is for the user to wait.
    """
    response = error.response
    if response is None:
        addressed = not isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema)
        return 2.0 ** (attempt - 1) if addressed else None
    if response.status_code != 429 and response.status_code < 500:
        return None
    asked_s = retry_after_s(response)
    if asked_s is None:
        return (5.0 if response.status_code == 429 else 1.0) * 2 ** (attempt - 1)
    return asked_s if asked_s <= LONGEST_PAUSE_S else None


def retry_after_s(response: requests.Response) -> float | None:
    """What the header Retry-After asks for, in seconds: a number, or a date (RFC 9110, 10.2.3)."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isdigit():
        return float(asked)
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except ValueError:
        return None


def wait(seconds: float, reason: str) -> None:
    """Pause, and say so when it is long enough to wonder about."""
    if seconds >= _TOLD_PAUSE_S:
        print(f"{reason}: trying again in {seconds:.0f} s", file=sys.stderr, flush=True)
    time.sleep(seconds)


def reason(error: requests.RequestException) -> str:
    """A status or a kind of error; what the error says itself may hold a token or a signed address."""
    return f"HTTP {error.response.status_code}" if error.response is not None else type(error).__name__
