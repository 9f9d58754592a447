"""What the raw files leave open, and the option that answers it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.errors import UsageError
from common.options import nearest


class Undecided(UsageError):
    """The files do not say; `option` would, with one of `choices` (or any text, where there are none)."""

    def __init__(self, question: str, option: str, choices: Sequence[str] = ()) -> None:
        self.question, self.option, self.choices = question, option, tuple(choices)
        shown = f"one of {', '.join(self.choices)}" if self.choices else "VALUE"
        super().__init__(f"{question}; answer it by --{option} ({shown})")


@dataclass(frozen=True)
class Answers:
    """What the user has said, by option."""

    given: Mapping[str, str]

    def get(self, option: str) -> str | None:
        return self.given.get(option)

    def choose(self, option: str, question: str, choices: Sequence[str], likely: Sequence[str] = ()) -> str:
        """The user's answer, else the only choice, else the only likely one; raises Undecided.

        Raises UsageError where the answer is none of the choices.
        """
        answer = self.get(option)
        if answer is not None:
            if answer not in choices:
                raise UsageError(f"--{option}: '{answer}' is none of {', '.join(choices)}{nearest(answer, choices)}")
            return answer
        for few in (choices, likely):
            if len(few) == 1:
                return few[0]
        raise Undecided(question, option, likely or choices)
