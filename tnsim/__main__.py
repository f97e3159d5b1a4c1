"""`python -m tnsim` is `tnsim`."""

from tnsim.cli import main

if __name__ == "__main__":
    main()
