"""Whoever walks over everything asks Stripe no faster than they may."""

import pytest

from chalicelib.gateways.pacing import Pace


class Sleeper:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.at = 0.0
        self.slept = []

    def clock(self):
        return self.at

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.at += seconds


def pace(time, per_second=10, burst=2):
    return Pace(per_second, burst=burst, clock=time.clock, sleep=time.sleep)


def test_a_burst_goes_at_once_and_the_rest_in_turn():
    time = Sleeper()
    paced = pace(time)
    at = []
    for _ in range(5):
        paced.wait()
        at.append(round(time.at, 6))

    assert at == [0, 0, 0.1, 0.2, 0.3]


def test_a_pause_fills_the_bucket_but_no_further_than_it_holds():
    time = Sleeper()
    paced = pace(time)
    for _ in range(2):
        paced.wait()
    time.at += 100
    for _ in range(3):
        paced.wait()

    assert time.slept == [pytest.approx(0.1)]
