"""Threads that work ahead: results in order, errors in their place, nobody left behind."""

import threading
import time

import pytest

from common.ahead import in_order


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_order_whoever_is_faster(workers):
    def work(number):
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(in_order(work, range(20), workers)) == [number * number for number in range(20)]
    assert list(in_order(work, [], workers)) == []


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_comes_in_the_place_of_its_result(workers):
    def work(number):
        if number == 3:
            raise ValueError("three")
        return number

    results = in_order(work, range(10), workers)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_no_more_is_made_than_a_few_ahead_and_stopping_early_ends_the_threads():
    made = []
    results = in_order(lambda number: made.append(number) or number, range(1000), 2)
    next(results)
    time.sleep(0.05)
    assert len(made) < 10
    results.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
