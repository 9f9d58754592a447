import math

import pytest

from common.report.wording import bytes_text, minutes, number, share, with_error, words_of


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.031234, 0.0041, "0.0312 ± 0.0041"),
        (0.98833, 0.00312, "0.9883 ± 0.0031"),
        (1234.5, 56.0, "1,234 ± 56"),
        (-0.02, 0.03, "−0.020 ± 0.030"),
        (0.5, 0.0, "0.5000"),
        (0.5, None, "0.5000"),
        (math.nan, 0.1, "–"),
        (None, None, "–"),
    ],
)
def test_a_value_has_the_digits_that_its_error_leaves_meaning(value, error, text):
    assert with_error(value, error) == text


def test_numbers():
    assert number(0.0012345) == "0.001234"
    assert number(98765.4) == "98,765"
    assert number(0) == "0"
    assert number(math.inf) == "–"


def test_units():
    assert [bytes_text(size) for size in (812, 34_120, 5.2e6, 1.3e9)] == [
        "812 B",
        "34.1 kB",
        "5.2 MB",
        "1.3 GB",
    ]
    assert [minutes(seconds) for seconds in (48, 744, 11_160)] == ["48 s", "12.4 min", "3.1 h"]
    assert [share(1, 8), share(0, 0)] == ["12.5%", "–"]
    assert [words_of("log_loss"), words_of("rmspe")] == ["log loss", "RMSPE"]
