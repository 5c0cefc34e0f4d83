"""`python -m lite_mlops` is `lite-mlops`."""

from lite_mlops.cli import main

if __name__ == "__main__":
    main()
