"""MLflow stores, in SQLite or in files, as its clients of versions 2 and 3 write them."""
