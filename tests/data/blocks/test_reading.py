"""The next block is read on a thread: two blocks at most, errors in their place, and no thread that stays."""

import gc
import signal
import threading
import time
import weakref

import numpy as np
import pytest

import gdfast
from gdfast import Blocks, Summary
from gdfast._utils.background import EndIsDueError
from gdfast._utils.interrupt import TimeLimit


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "gdfast-blocks"]


@pytest.fixture(autouse=True)
def _no_thread_stays():
    yield
    deadline = time.monotonic() + 5
    while threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not threads()


def block(number, rows=20):
    X = np.random.default_rng(number).normal(size=(rows, 3))
    return X, X.sum(axis=1)


class Counted:
    """Blocks whose arrays are counted while they are alive."""

    def __init__(self, count):
        self.made, self.most, self.threads = [], 0, set()
        self.functions = [lambda number=number: self.block(number) for number in range(count)]

    def block(self, number):
        self.threads.add(threading.current_thread().name)
        X, y = block(number)
        self.made.append(weakref.ref(X))
        self.most = max(self.most, self.alive)
        return X, y

    @property
    def alive(self):
        return sum(made() is not None for made in self.made)


@pytest.mark.parametrize("in_order", [True, False])
def test_at_most_two_blocks_are_alive(in_order):
    counted = Counted(12)
    generated = Blocks(lambda: (function() for function in counted.functions))
    blocks = Blocks(counted.functions) if in_order else generated
    gc.disable()  # nothing waits for the garbage collector
    try:
        summary = Summary.of(blocks)
        for one in blocks._read():
            time.sleep(0.005)  # the thread could be ahead further
            assert one.X.shape == (20, 3)
    finally:
        gc.enable()
    assert counted.most == 2
    assert counted.threads == {"gdfast-blocks"}
    expected = Summary.of([block(number) for number in range(12)])
    assert summary._triangle.tobytes() == expected._triangle.tobytes()
    assert counted.alive == 0


def test_arrays_are_let_go_when_the_next_block_is_asked_for():
    reading = Blocks([block(0), block(1)])._read()
    first = next(reading)
    assert first.X is not None
    next(reading)
    assert not hasattr(first, "X")
    reading.close()


def test_errors_come_where_their_block_is():
    def broken():
        raise KeyError("broken")

    blocks = Blocks([lambda: block(0), lambda: block(1), broken, lambda: block(3)])
    read = []
    with pytest.raises(KeyError, match="broken") as caught:
        read.extend(numbers(blocks))
    assert caught.value.__notes__ == ["raised while block 2 was read"]
    reading = numbers(blocks)
    assert [next(reading), next(reading)] == [0, 1]
    with pytest.raises(KeyError, match="broken"):
        next(reading)


def numbers(blocks):
    for one in blocks._read():
        yield one.number


@pytest.mark.parametrize("error", [StopIteration, SystemExit, KeyboardInterrupt, MemoryError])
def test_no_error_ends_the_blocks_in_silence(error):
    def raising():
        raise error

    def generating():
        yield block(0)
        raise error

    for source in ([lambda: block(0), raising], generating):
        with pytest.raises(RuntimeError if error is StopIteration else error):
            Summary.of(Blocks(source))


def test_leaving_early_ends_the_thread():
    blocks = Blocks([lambda number=number: block(number) for number in range(50)])
    for one in blocks._read():
        assert one.number == 0
        break
    assert not threads()
    reading = blocks._read()
    next(reading)
    assert len(threads()) == 1
    reading.close()
    assert not threads()
    with pytest.raises(ZeroDivisionError):
        all(1 / one.number for one in blocks._read())
    assert not threads()
    closed = []

    def generating():
        try:
            while True:
                yield block(0)
        finally:
            closed.append(threading.current_thread().name)

    for _ in Blocks(generating)._read():
        break
    assert closed == ["gdfast-blocks"]


def test_an_error_of_the_caller_ends_the_thread():
    wrong = [lambda number=number: block(number) for number in range(50)]
    wrong[0] = lambda: (np.ones((2, 3)), ["a", "b"])  # y is looked at by the Summary, not by the thread
    with pytest.raises(TypeError, match="block 0: y holds strings") as caught:
        Summary.of(Blocks(wrong))
    assert caught.value.__traceback__ is not None  # which holds the frames
    assert not threads()


def waiting(released):
    """Return blocks whose second one comes when an event is set."""

    def late():
        released.wait(30)
        return block(1)

    return Blocks([lambda: block(0), late])


def test_a_time_limit_ends_a_wait():
    released = threading.Event()
    started = time.monotonic()
    with pytest.raises(TimeoutError, match=r"max_seconds=0.2 were over before all blocks were read once"):
        gdfast.fit(waiting(released), max_seconds=0.2)
    assert time.monotonic() - started < 5
    run = gdfast.fit(Blocks([block(0), block(1)]), epochs=2, learning_rate=0.1)
    with pytest.raises(TimeoutError, match=r"max_seconds=0.2 were over"):
        run.resume(2, waiting(released), max_seconds=0.2)
    started = time.monotonic()
    with TimeLimit(time.perf_counter() + 0.1), pytest.raises(EndIsDueError):
        Summary.of(waiting(released))
    assert time.monotonic() - started < 5
    released.set()


@pytest.mark.parametrize("call", [gdfast.fit, gdfast.stability, Summary.of])
def test_ctrl_c_ends_a_wait(call):
    released = threading.Event()
    pressed = threading.Thread(target=lambda: (time.sleep(0.2), signal.pthread_kill(main, signal.SIGINT)))
    main = threading.main_thread().ident
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    started = time.monotonic()
    try:
        pressed.start()
        with pytest.raises(KeyboardInterrupt):
            call(waiting(released))
    finally:
        pressed.join()
        signal.signal(signal.SIGINT, before)
        released.set()
    assert time.monotonic() - started < 5


def test_a_time_limit_ends_a_wait_that_many_signals_interrupt(monkeypatch):
    """One that comes at the end of a timeout must not make the wait endless."""
    monkeypatch.setattr("gdfast.data.blocks.reading.LOOKS", 0.002)
    released, ended, main = threading.Event(), threading.Event(), threading.main_thread().ident

    def press():
        while not ended.wait(0.0007):
            signal.pthread_kill(main, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda number, frame: None)
    pressing = threading.Thread(target=press)
    started = time.monotonic()
    try:
        pressing.start()
        with pytest.raises(TimeoutError, match="max_seconds"):
            gdfast.fit(waiting(released), max_seconds=1.0)
    finally:
        ended.set()
        pressing.join()
        signal.signal(signal.SIGUSR1, before)
        released.set()
    assert time.monotonic() - started < 10


def test_two_passes_at_once():
    blocks = Blocks([lambda number=number: block(number) for number in range(8)])
    found = [None, None]

    def run(place):
        found[place] = Summary.of(blocks)._triangle.tobytes()

    both = [threading.Thread(target=run, args=[place]) for place in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert found[0] == found[1] == Summary.of(blocks)._triangle.tobytes()
