"""Requests pass together; the moving clock passes alone, and is not kept waiting for ever."""

from threading import Barrier, Event, Thread

from infra.local.traffic import Traffic

SECONDS = 5


def start(work):
    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_requests_pass_at_the_same_time():
    traffic, together = Traffic(), Barrier(8, timeout=SECONDS)

    def request():
        with traffic.passing():
            together.wait()

    threads = [start(request) for _ in range(8)]
    for thread in threads:
        thread.join(SECONDS)

    assert not together.broken


def test_a_move_waits_for_requests_under_way_and_later_requests_wait_for_it():
    traffic, order = Traffic(), []
    inside, leave, moving = Event(), Event(), Event()

    def first():
        with traffic.passing():
            inside.set()
            leave.wait(SECONDS)
            order.append("first")

    def move():
        moving.set()
        with traffic.alone():
            order.append("move")

    def second():
        with traffic.passing():
            order.append("second")

    threads = [start(first)]
    inside.wait(SECONDS)
    threads.append(start(move))
    moving.wait(SECONDS)
    while not traffic._waiting:
        pass
    threads.append(start(second))
    leave.set()
    for thread in threads:
        thread.join(SECONDS)

    assert order == ["first", "move", "second"]


def test_a_failure_lets_the_others_go_on():
    traffic = Traffic()
    for way in (traffic.passing, traffic.alone):
        try:
            with way():
                raise RuntimeError
        except RuntimeError:
            pass

    with traffic.alone():
        pass
    with traffic.passing():
        pass
