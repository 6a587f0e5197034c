"""Run kexp as `python -m kexp`."""

from kexp.cli.app import main

if __name__ == "__main__":
    main()
