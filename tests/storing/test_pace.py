"""When the ingester leaves the interpreter to the program."""

from threading import Event, Thread

from spanbook.store.pace import Pace


def test_a_program_that_computes_all_the_time_is_noticed() -> None:
    pace, done = Pace(), Event()

    def compute() -> None:
        while not done.is_set():
            sum(range(100))

    program = Thread(target=compute)
    program.start()
    for _ in range(50):
        pace.wait(Event(), 0.001)
        if pace.crowded:
            break
    done.set()
    program.join()

    assert pace.crowded


def test_who_was_woken_has_not_been_kept_waiting() -> None:
    pace, woken = Pace(), Event()
    woken.set()

    pace.wait(woken, 0)
    pace.wait(woken, 0)

    assert not pace.crowded


def test_nobody_rests_while_somebody_waits_for_the_work() -> None:
    pace = Pace()
    pace.hurried = True
    pace.start()

    for _ in range(1_000):
        pace.pause()

    assert not pace.crowded
