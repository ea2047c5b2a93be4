"""A run that stays open, as a TensorBoard that runs beside it shows it."""

import time

import numpy as np
from boards import served

import tbgrad
from tbgrad.records import Scalars


def steps_shown(board, run="open", tag="loss"):
    return [step for _, step, _ in board("scalars/scalars", run=run, tag=tag)]


def test_what_is_flushed_is_seen_while_the_run_goes_on(tmp_path):
    with tbgrad.open_run(tmp_path / "open") as run:
        run.write(Scalars("loss", 0, 0.5))
        run.flush()
        with served(tmp_path, lambda board: steps_shown(board) == [0], "--reload_interval=1") as board:
            written = 1
            # One at a time, a few, and many at once.
            for count in (1, 10, 5000):
                step = np.arange(written, written + count)
                run.write(Scalars("loss", step, step / 3))
                written += count
                run.flush()
                deadline = time.monotonic() + 60
                while len(steps_shown(board)) < min(written, 1000) and time.monotonic() < deadline:
                    time.sleep(0.1)
                shown = steps_shown(board)
                assert shown[-1] == written - 1 and len(shown) == min(written, 1000)
