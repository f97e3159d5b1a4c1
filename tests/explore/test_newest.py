"""One worker, the newest job: what comes before it ends early or never begins, and nobody waits for ever."""

import threading
import time

import pytest

from tnsim.explore.newest import Newest, Superseded

LONG = 30  # seconds that no wait here should take


def test_jobs_one_after_the_other_are_all_done():
    worker = Newest("test")
    assert [worker.ask(lambda step, k=k: k * k).future.result(LONG) for k in range(5)] == [0, 1, 4, 9, 16]


def test_an_error_is_handed_on_and_the_worker_lives():
    worker = Newest("test")
    with pytest.raises(KeyError, match="lost"):
        worker.ask(lambda step: {}["lost"]).future.result(LONG)
    assert worker.ask(lambda step: 1).future.result(LONG) == 1


def test_steps_are_told():
    heard = []
    Newest("test").ask(lambda step: step("one") or step("two"), heard.append).future.result(LONG)
    assert heard == ["one", "two"]


def test_of_many_jobs_the_last_is_done_the_first_ends_at_its_next_step_and_the_others_never_begin():
    worker, begun, going, done = Newest("test"), threading.Event(), threading.Event(), []

    def first(step):
        begun.set()
        assert going.wait(LONG)
        step("next")
        done.append("first")

    older = worker.ask(first)
    assert begun.wait(LONG)
    others = [worker.ask(lambda step, k=k: done.append(k)) for k in range(3)]
    for job in (older, *others[:2]):
        with pytest.raises(Superseded):
            job.future.result(LONG)  # at once: the worker is still in the first
    going.set()
    others[2].future.result(LONG)
    assert done == [2]


def test_a_job_that_is_given_up_ends_at_its_next_step():
    worker, begun, going, after = Newest("test"), threading.Event(), threading.Event(), []

    def work(step):
        begun.set()
        assert going.wait(LONG)
        step("next")
        after.append(1)

    job = worker.ask(work)
    assert begun.wait(LONG)
    job.give_up()
    job.give_up()
    going.set()
    assert worker.ask(lambda step: "next").future.result(LONG) == "next"
    assert after == []


def test_closed_it_takes_nothing_and_ends():
    worker, begun = Newest("test"), threading.Event()

    def endless(step):
        begun.set()
        while True:
            time.sleep(0.01)
            step("on")

    job = worker.ask(endless)
    assert begun.wait(LONG)
    worker.close()
    for one in (job, worker.ask(lambda step: 1)):
        with pytest.raises(Superseded):
            one.future.result(LONG)
    assert worker.ended(LONG)
    assert Newest("never begun").ended()
