"""Shares work out over processes that have the same to do, for example the ranks of a training or two runs at once.

Every process goes through all tasks and does those that nobody else has locked. In the end it waits for the tasks of
the others. No process needs to know the others, so they may be of one run or of several, and a task of a process that
is killed is done by another one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from .locking import claimed_file
from .progress import Progress

Task = TypeVar("Task")

_AT_ONCE = 1024  # tasks handed to the threads: a queue of all of them would take a kilobyte each


def do_shared(
    tasks: Sequence[Task],
    do: Callable[[Task], None],
    *,
    is_done: Callable[[Task], bool],
    lock_of: Callable[[Task], Path],
    threads: int,
    what: str,
    steps_of: Callable[[Task], int] = lambda _: 1,
) -> None:
    """Do tasks of which other processes may do a part at the same time; return when all are done.

    Args:
        tasks: tasks, in the same order in every process.
        do: does one task. An error ends the work here, and other processes try the task again.
        is_done: whether a task is done, by this or another process.
        lock_of: file to lock while a task is done; the same in every process.
        threads: number of threads of this process.
        what: work as a verb with an object, for the progress.
        steps_of: steps of a task in the progress.

    Raises:
        OSError: a lock cannot be made.
    """

    def attempt(task: Task, wait: bool) -> bool:
        if is_done(task):
            return True
        with claimed_file(lock_of(task), wait=wait) as is_mine:
            if is_mine and not is_done(task):
                do(task)
            return is_mine

    total = sum(map(steps_of, tasks))
    with ThreadPoolExecutor(max(1, threads)) as pool, Progress(what, total) as progress:
        pending = list(tasks)
        for wait in (False, True):
            others = []
            for start in range(0, len(pending), _AT_ONCE):
                part = pending[start : start + _AT_ONCE]
                for task, is_finished in zip(part, pool.map(attempt, part, [wait] * len(part)), strict=True):
                    if is_finished:
                        progress.advance(steps_of(task))
                    else:
                        others.append(task)
            pending = others
