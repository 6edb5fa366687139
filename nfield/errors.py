"""What callers can catch. Each message says what was wrong, what was expected and what to do."""


class NFieldError(Exception):
    """Base of all errors that a user's input or machine can cause; the command line prints it and exits with 2."""


class DataError(NFieldError):
    """An input file is missing, damaged or not what was expected."""


class CheckpointError(NFieldError):
    """A run folder or checkpoint is missing, damaged or from another format."""


class RunInUseError(NFieldError):
    """Another process writes into a run folder."""


class BackendUnavailable(NFieldError):
    """An optional dependency or device is missing; the message names the install line."""


class NoPersonError(NFieldError):
    """A photo shows no person that the perception stage can use."""


class OptionError(NFieldError):
    """An option's value is unknown or out of range."""


class TrainingDiverged(NFieldError):
    """A training's loss is no longer a number."""
