"""`python -m alasl` is the command `alasl`."""

from alasl.cli import main

main()
