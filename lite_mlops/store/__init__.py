"""What is on disk: journal, fold, lock, database, objects.

store = Store(folder, settings)
store.append(Note(run=run_id, text="warm start"))
with store.reading() as database: ...
with store.deciding() as decisions: ...
"""

from lite_mlops.store.beside import Beside, end_process, lower_priority
from lite_mlops.store.chunks import Kept, bring_back, keep
from lite_mlops.store.clock import as_datetime, as_stored, id_at, is_id, new_id, now
from lite_mlops.store.database import Database
from lite_mlops.store.filelock import try_lock
from lite_mlops.store.holding import alone
from lite_mlops.store.layout import FOLDER_NAME, Layout
from lite_mlops.store.objects import Objects, Stored
from lite_mlops.store.past import PastJournal, importing_alone
from lite_mlops.store.scratch import NotReadable, Scratch, scratch_database
from lite_mlops.store.store import Decisions, Store, kept_store, open_store
from lite_mlops.store.workbench import Workbench

__all__ = [
    "FOLDER_NAME",
    "Beside",
    "Database",
    "Decisions",
    "Kept",
    "Layout",
    "NotReadable",
    "Objects",
    "PastJournal",
    "Scratch",
    "Store",
    "Stored",
    "Workbench",
    "alone",
    "as_datetime",
    "as_stored",
    "bring_back",
    "end_process",
    "id_at",
    "importing_alone",
    "is_id",
    "keep",
    "kept_store",
    "lower_priority",
    "new_id",
    "now",
    "open_store",
    "scratch_database",
    "try_lock",
]
