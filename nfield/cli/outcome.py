"""What commands that train say of a training that was stopped, or that had nothing left to do."""

from rich.console import Console

from nfield.training.loop import TrainResult, TrainState


def was_stopped(console: Console, result: TrainResult, *, again: str) -> bool:
    """Whether the user stopped a training early; says how it goes on.

    Args:
        console: Is told.
        result: The training's.
        again: The command that goes on.

    Raises:
        KeyboardInterrupt: It was stopped before its first step, so that there is nothing to go on from.
    """
    if result.interrupted and result.state.step == 0:
        raise KeyboardInterrupt
    if result.interrupted:
        console.print(f"stopped at step {result.state.step}, saved; to continue: {again}")
    return result.interrupted


def was_spent(console: Console, result: TrainResult, before: TrainState | None) -> bool:
    """Whether the budget of a training that was to go on had been spent before; says so.

    Args:
        console: Is told.
        result: The training's.
        before: Where it was; None for one that began.
    """
    spent = before is not None and before.step == result.state.step
    if spent:
        console.print(f"the budget was spent before ({result.state.step} steps); give a larger --minutes or --steps")
    return spent
