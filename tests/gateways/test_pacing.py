"""Whoever walks over everything asks Stripe no faster than they may, and waits when they are told to."""

import pytest

from chalicelib.gateways.pacing import Pace, TooMany


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
        paced.call(lambda: at.append(round(time.at, 6)))

    assert at == [0, 0, 0.1, 0.2, 0.3]


def test_a_pause_fills_the_bucket_but_no_further_than_it_holds():
    time = Sleeper()
    paced = pace(time)
    for _ in range(2):
        paced.call(lambda: None)
    time.at += 100
    for _ in range(3):
        paced.call(lambda: None)

    assert time.slept == [pytest.approx(0.1)]


def test_turned_away_it_waits_longer_each_time():
    time, answers = Sleeper(), [TooMany(), TooMany(), "there"]

    def ask():
        found = answers.pop(0)
        if isinstance(found, TooMany):
            raise found
        return found

    assert pace(time).call(ask) == "there"
    assert [round(s) for s in time.slept if s >= 1] == [1, 2]


def test_and_gives_up_within_what_a_job_keeps_spare():
    time = Sleeper()

    def ask():
        raise TooMany

    with pytest.raises(TooMany):
        pace(time).call(ask)
    assert time.at < 20


def test_any_other_answer_is_the_callers():
    def ask():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        pace(Sleeper()).call(ask)
