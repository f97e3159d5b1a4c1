"""Ctrl-C is heard between chunks, a second one at once; the handler is put back."""

import signal
import threading

import pytest

from tnsim.train.interrupts import ctrl_c_between_chunks


def test_it_waits_for_the_next_chunk():
    before = signal.getsignal(signal.SIGINT)
    with ctrl_c_between_chunks() as stop_if_asked:
        stop_if_asked()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            stop_if_asked()
    assert signal.getsignal(signal.SIGINT) is before


def press_twice():
    with ctrl_c_between_chunks():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_a_second_one_is_heard_at_once():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        press_twice()
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_hear_no_signals():
    heard = []

    def work():
        with ctrl_c_between_chunks() as stop_if_asked:
            stop_if_asked()
            heard.append("nothing")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert heard == ["nothing"]
