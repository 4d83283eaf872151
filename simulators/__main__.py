"""`python -m simulators`: the same as the console script `edge-sim`."""

from simulators.cli.main import main

if __name__ == "__main__":
    main()
