"""Where Kaggle's client would find credentials, without importing it and without reading a secret aloud."""

import json
import os
import sys
from pathlib import Path
from typing import Any

TOKEN_PAGE = "https://www.kaggle.com/settings/api"


def find_credentials() -> str | None:
    """The place of the credentials that Kaggle's client would use first, in words, or None.

    Follows `kagglesdk.kaggle_env.get_access_token_from_env` and `KaggleApi.authenticate` of kaggle 2.2: an
    access token, then user name and key, then what `kaggle auth login` left. Importing `kaggle` would log in
    at once, over the network. Whether Kaggle accepts what is there is not known before it is asked.
    """
    return _access_token() or _name_and_key() or _browser_login()


def _access_token() -> str | None:
    in_kernel = "KAGGLE_KERNEL_RUN_TYPE" in os.environ and "KAGGLE_DATA_PROXY_URL" in os.environ
    if in_kernel and _has_text(Path(os.environ.get("KAGGLE_API_V1_TOKEN", ""))):
        return "the Kaggle kernel's own token"
    given = os.environ.get("KAGGLE_API_TOKEN")
    # os.path.exists, since Path.exists fails for a long token, with the token in the message.
    if given and not os.path.exists(given):
        return "the environment variable KAGGLE_API_TOKEN"
    if given and _has_text(Path(given)):
        return "the file that the environment variable KAGGLE_API_TOKEN names"
    if given:
        return None
    for name in ("access_token", "access_token.txt"):
        path = _home() / ".kaggle" / name
        if _has_text(path):
            return str(path)
    return None


def _name_and_key() -> str | None:
    path = _config_folder() / "kaggle.json"
    in_file = {key for key in ("username", "key") if key in _read_json(path)}
    in_environment = {key for key in ("username", "key") if f"KAGGLE_{key.upper()}" in os.environ}
    if in_environment == {"username", "key"}:
        return "the environment variables KAGGLE_USERNAME and KAGGLE_KEY"
    if in_file | in_environment == {"username", "key"}:
        variables = [f"KAGGLE_{key.upper()}" for key in sorted(in_environment)]
        return " and ".join([str(path), *variables])
    return None


def _browser_login() -> str | None:
    path = _home() / ".kaggle" / "credentials.json"
    return str(path) if _read_json(path).get("refresh_token") else None


def _config_folder() -> Path:
    named = os.environ.get("KAGGLE_CONFIG_DIR")
    if named:
        return Path(named)
    usual = _home() / ".kaggle"
    if sys.platform.startswith("linux") and not usual.exists():
        return Path(os.environ.get("XDG_CONFIG_HOME") or _home() / ".config") / "kaggle"
    return usual


def _home() -> Path:
    return Path(os.path.expanduser("~"))


def _has_text(path: Path) -> bool:
    try:
        return bool(path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return False


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
