"""What happened before it was logged here: a journal of the past, which appears as a whole.

    journal = PastJournal(store.layout)
    with journal.whole():                           # all of a run, or nothing of it
        journal.append(moment, Params(run=run_id, keys=["depth"], texts=["3"]).body())
    journal.publish()

Its lines have the times of then, in whatever order. It is written aside and renamed into the folder
of the journals, where it is folded like that of any process that has ended.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from lite_mlops.errors import Busy
from lite_mlops.store.clock import new_id, now
from lite_mlops.store.disk import sync, sync_folder
from lite_mlops.store.events import JournalOpened
from lite_mlops.store.filelock import held_if_free
from lite_mlops.store.intake import SUFFIX
from lite_mlops.store.layout import PART, Layout
from lite_mlops.store.lines import START, encode


@contextmanager
def importing_alone(layout: Layout) -> Iterator[None]:
    """Be the only one who imports: two at once would both add what neither finds yet.

    Raises:
        Busy: another process is importing.
    """
    layout.make()
    with held_if_free(layout.importing) as free:
        if not free:
            raise Busy(f"Another process is importing into {layout.folder}; wait until it is done.")
        yield


class PastJournal:
    """One journal of the past; it holds nothing back and shows nothing before `publish`."""

    def __init__(self, layout: Layout) -> None:
        self.writer = new_id()
        self._target = layout.journal / f"{self.writer}-1{SUFFIX}"
        self._aside = layout.tmp / f"{self.writer}{PART}"
        self._chain = START
        self._file = self._aside.open("xb")
        opened = JournalOpened(
            writer=self.writer, pid=os.getpid(), host=socket.gethostname(), program="import"
        )
        self.append(now(), opened.body())
        self._empty = self._chain

    def append(self, moment: int, body: str) -> None:
        """Append one event, given as its body, that happened at `moment`."""
        line, self._chain = encode(self._chain, moment, body)
        self._file.write(line)

    @property
    def size(self) -> int:
        """Its bytes so far."""
        return self._file.tell()

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Keep all that is appended inside, or nothing of it if anything fails."""
        size, chain = self._file.tell(), self._chain
        try:
            yield
        except BaseException:
            self._file.seek(size)
            self._file.truncate()
            self._chain = chain
            raise

    def publish(self) -> None:
        """Have it folded by whoever opens the database next; an empty one just goes."""
        if self._chain == self._empty:
            self.discard()
            return
        self._file.flush()
        sync(self._file.fileno())
        self._file.close()
        os.chmod(self._aside, 0o600)
        os.replace(self._aside, self._target)
        sync_folder(self._target.parent)

    def discard(self) -> None:
        """Leave nothing of it."""
        self._file.close()
        self._aside.unlink(missing_ok=True)
