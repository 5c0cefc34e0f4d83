"""Labels: what was true, told later, by the id of a prediction or by a column it was asked with.

    receive(store, told_pairs(ids, labels), strict=True).recorded
    told = told_table(columns, label="churned", key="customer")
    receive(store, told, key=Key("churn", "customer"))

Of several labels of one prediction the one stands that was known last: by the time that was told
with it, else by that of its recording. Earlier ones are kept in `earlier_labels`.
"""

from lite_mlops.monitoring.labels.received import LeftOut, Received
from lite_mlops.monitoring.labels.receiving import Key, receive
from lite_mlops.monitoring.labels.told import Told, read_told, told_pairs, told_table

__all__ = ["Key", "LeftOut", "Received", "Told", "read_told", "receive", "told_pairs", "told_table"]
