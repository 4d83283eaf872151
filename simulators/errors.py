"""The errors of the simulators.

SimulatorError
├── ScenarioError       a site file, a scenario file or a command-line value is wrong (exit code 2)
└── PeerError           something that was needed from outside didn't come or went away (exit code 1)
"""


class SimulatorError(Exception):
    """Base of all; its text is one sentence for the person at the keyboard."""

    exit_code = 1


class ScenarioError(SimulatorError):
    """Wrong input: the text says what, where, and what would be right."""

    exit_code = 2


class PeerError(SimulatorError):
    """The run can't go on: a peer is missing, died, or a port is taken."""
