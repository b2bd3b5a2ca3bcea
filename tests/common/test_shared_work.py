import threading

import pytest
from scripts.common.shared_work import do_shared


class Work:
    """Tasks 0, 1, …, each with a file that says that it is done."""

    def __init__(self, folder):
        self.folder, self.done = folder, []

    def do(self, task):
        self.done.append(task)
        (self.folder / str(task)).touch()

    def share(self, count, do=None, threads=2):
        do_shared(
            range(count),
            do or self.do,
            is_done=lambda task: (self.folder / str(task)).exists(),
            lock_of=lambda task: self.folder / f"{task}.lock",
            threads=threads,
            what="doing tasks",
        )


@pytest.fixture
def work(tmp_path):
    return Work(tmp_path)


def test_what_is_done_is_not_done_again(work):
    work.do(3)
    work.share(5)
    assert sorted(work.done) == [0, 1, 2, 3, 4]
    assert not list(work.folder.glob("*.lock"))


def test_two_workers_do_each_task_once_and_both_wait_for_all(work):
    meet, finished = threading.Barrier(2), []

    def one():
        meet.wait()
        work.share(50)
        finished.append(len([path for path in work.folder.iterdir() if path.suffix != ".lock"]))

    workers = [threading.Thread(target=one) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(work.done) == list(range(50)) and finished == [50, 50]


def test_a_task_that_another_one_gave_up_is_done_here(work):
    started, stop = threading.Event(), threading.Event()

    def give_up(task):
        started.set()
        stop.wait()
        raise OSError("killed")

    def other():
        with pytest.raises(OSError, match="killed"):
            work.share(1, give_up)

    worker = threading.Thread(target=other)
    worker.start()
    started.wait()
    threading.Timer(0.2, stop.set).start()
    work.share(3)
    worker.join()
    assert sorted(work.done) == [0, 1, 2]


def test_an_error_ends_the_work(work):
    def fail(task):
        raise RuntimeError(f"task {task}")

    with pytest.raises(RuntimeError, match="task 0"):
        work.share(3, fail)
    assert not list(work.folder.iterdir())
