"""`python -m rnnzoo` is the `rnnzoo` command."""

from rnnzoo.cli import main

if __name__ == "__main__":
    main()
