"""The model hub, asked once and briefly before timm asks it: its client goes on trying for minutes."""

import threading

from common.errors import PodiumError
from common.training.timm_import import import_timm

_ANSWER_S = 5.0
_FILES = ("model.safetensors", "pytorch_model.bin")


def require_hub(architecture: str) -> None:
    """Raise PodiumError, in seconds, where the weights can be had neither from the local cache nor from the hub."""
    from huggingface_hub import hf_hub_url, try_to_load_from_cache
    from huggingface_hub.constants import HF_HUB_OFFLINE

    config = import_timm().get_pretrained_cfg(architecture)
    repository = config.hf_hub_id if config else None
    if not repository:
        return  # from an address of its own
    files = (config.hf_hub_filename,) if config.hf_hub_filename else _FILES
    if any(isinstance(try_to_load_from_cache(repository, file), str) for file in files):
        return
    if HF_HUB_OFFLINE:
        raise unreachable(architecture, "HF_HUB_OFFLINE is set, and they are not in the local cache")
    url = hf_hub_url(repository, files[0])
    if reason := _no_answer(url):
        raise unreachable(architecture, f"no answer from {url}: {reason}")


def unreachable(architecture: str, reason: str) -> PodiumError:
    """What to raise, with the two remedies."""
    config = import_timm().get_pretrained_cfg(architecture)
    repository = config.hf_hub_id if config else None
    where = f" from https://huggingface.co/{repository}" if repository else ""
    return PodiumError(
        f"weights: hub: the weights of {architecture} could not be fetched ({reason}). Either download "
        f"model.safetensors{where} on a machine with a network (for a Kaggle kernel: add it as an input) and set "
        "`weights` to that file or its folder, or set `weights` to none and train from scratch."
    )


def _no_answer(url: str) -> str:
    """Why nothing at `url` answers, or "". In a thread, since looking up a name has no time limit of its own."""
    from huggingface_hub import get_hf_file_metadata
    from huggingface_hub.utils import HfHubHTTPError

    reasons = [f"nothing came within {_ANSWER_S:.0f} s"]

    def ask() -> None:
        try:
            get_hf_file_metadata(url, timeout=_ANSWER_S)
            reasons[0] = ""
        except HfHubHTTPError:
            reasons[0] = ""  # an answer, though a refusal: timm says more
        except Exception as error:  # the hub's client has changed its HTTP library, and its errors with it
            reasons[0] = str(error) or type(error).__name__

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_ANSWER_S + 1)
    return reasons[0]
