"""Kaggle's own client, kept quiet: it logs in, lists files and says where to fetch them.

Its messages are replaced by ours, one for each thing that goes wrong; none quotes what the server or the
client said, since either may hold a token.
"""

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import requests

from common.errors import PodiumError
from common.kaggle import retries
from common.kaggle.credentials import TOKEN_PAGE, find_credentials
from common.kaggle.retries import TRIES

_PAGE_FILES = 200

Result = TypeVar("Result")


class KaggleClient:
    """One competition, as the user whose credentials are on this machine.

    Raises PodiumError when there are no credentials or Kaggle does not accept them, and from every method
    when Kaggle cannot be reached or refuses, saying what to do.
    """

    def __init__(self, slug: str):
        self.slug = slug
        found = find_credentials()
        if found is None:
            raise PodiumError(
                f"no Kaggle credentials on this machine. Make a token at {TOKEN_PAGE} and save it to"
                " ~/.kaggle/access_token (or set KAGGLE_API_TOKEN), and run this again. With the files"
                " already on a disk, set source.kind=local and source.path instead."
            )
        self._credentials = found
        self._api = self._call(_logged_in)

    def file_sizes(self) -> dict[str, int]:
        """Name to size in bytes of every file that Kaggle lists for the competition."""
        sizes: dict[str, int] = {}
        token: str | None = None
        while True:
            page = self._call(lambda: self._api.competition_list_files(self.slug, token, _PAGE_FILES))  # noqa: B023
            files = list(page.files or [])
            sizes |= {file.name: file.total_bytes for file in files}
            token = page.next_page_token
            if not token or not files:
                return sizes

    def locate(self, name: str | None) -> requests.PreparedRequest:
        """The request that fetches a file of the competition, or for None the zip of all its files.

        Kaggle answers with a redirect to an address in a store that is valid for a while and needs no token.
        """
        from kagglesdk.competitions.types.competition_api_service import (
            ApiDownloadDataFileRequest,
            ApiDownloadDataFilesRequest,
        )

        def ask() -> requests.PreparedRequest:
            with self._api.build_kaggle_client() as client:
                endpoint = client.competitions.competition_api_client
                if name is None:
                    everything = ApiDownloadDataFilesRequest()
                    everything.competition_name = self.slug
                    answer = endpoint.download_data_files(everything)
                else:
                    one = ApiDownloadDataFileRequest()
                    one.competition_name = self.slug
                    one.file_name = name
                    answer = endpoint.download_data_file(one)
                # The client sets no timeout and so could wait for ever: the body is asked for anew.
                answer.close()
                return answer.request

        return self._call(ask)

    def _call(self, function: Callable[[], Result]) -> Result:
        """`function()`, tried again where waiting may help."""
        for attempt in range(1, TRIES + 1):
            try:
                with _quiet():
                    return function()
            except SystemExit:
                raise self._not_accepted() from None
            except requests.RequestException as error:
                pause_s = retries.seconds_to_wait(error, attempt)
                if pause_s is None or attempt == TRIES:
                    raise self._explain(error) from None
                retries.wait(pause_s, f"Kaggle: {retries.reason(error)}")
            except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
                raise PodiumError(
                    f"Kaggle's client failed ({type(error).__name__}). Check the credentials in"
                    f" {self._credentials}, and try `kaggle competitions list` in a shell."
                ) from None
        raise AssertionError("the last attempt returns or raises")

    def _not_accepted(self) -> PodiumError:
        return PodiumError(
            f"Kaggle does not accept the credentials found in {self._credentials}: make a new token at"
            f" {TOKEN_PAGE} and put it in their place"
        )

    def _explain(self, error: requests.RequestException) -> PodiumError:
        address = f"https://www.kaggle.com/competitions/{self.slug}"
        if error.response is None:
            return PodiumError(
                f"Kaggle cannot be reached ({type(error).__name__}, {TRIES} tries). Check the network, a"
                " proxy or a firewall; what is already downloaded is kept. Without a network, set"
                " source.kind=local or source.kind=sample."
            )
        status = error.response.status_code
        if status == 401:
            return self._not_accepted()
        if status == 403:
            return PodiumError(
                f"Kaggle does not give out the files of '{self.slug}' (403), most likely because its rules"
                f" are not accepted yet: open {address}/rules as the user whose credentials are in"
                f" {self._credentials}, join or accept, and run this again"
            )
        if status == 404:
            return PodiumError(
                f"Kaggle knows no such competition or file (404): '{self.slug}'. Compare `slug` in"
                f" competition.py with the address of the competition's page:"
                f" {address} should open in a browser."
            )
        if status == 429:
            pause_s = retries.retry_after_s(error.response)
            when = f"in {pause_s / 60:.0f} minutes" if pause_s else "in an hour"
            return PodiumError(
                f"Kaggle limits how often you may ask (429): run this again {when}; what is already downloaded is kept"
            )
        return PodiumError(
            f"Kaggle has trouble of its own (HTTP {status}, {TRIES} tries): run this again later; what is"
            " already downloaded is kept"
        )


def _logged_in() -> Any:
    # With VERBOSE set, a name that other tools use too, the client would print its headers, token and all.
    verbose = {name: os.environ.pop(name) for name in ("VERBOSE", "VERBOSE_OUTPUT") if name in os.environ}
    try:
        from kaggle.api.kaggle_api_extended import KaggleApi
    finally:
        os.environ.update(verbose)
    api = KaggleApi()
    api.authenticate()
    return api


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Nothing on stdout: the client prints its own help, warnings and hints there."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
