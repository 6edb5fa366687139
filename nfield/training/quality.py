"""What a training is judged by while it runs: one number, for its log, its curve and its progress."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quality:
    """A measure.

    Attributes:
        name: In a task's measures; columns of a log are called after it.
        axis: Label of the curve's axis.
        form: A value for people, a format.
        logarithmic: Whether a curve of it needs a logarithmic axis.
    """

    name: str
    axis: str
    form: str
    logarithmic: bool = False

    def shown(self, value: float) -> str:
        """A value for people.

        >>> PSNR.shown(30.0), DISTANCE_ERROR.shown(0.0123)
        ('30.00 dB', '1.23%')
        """
        return self.form.format(value)


PSNR = Quality("psnr", "PSNR (dB)", "{:.2f} dB")
"""Of pictures."""
DISTANCE_ERROR = Quality("error", "mean relative error of distances", "{:.2%}", logarithmic=True)
"""Of signed distances."""

QUALITIES = {"PSNR": PSNR, "error": DISTANCE_ERROR}
"""All of them, by what people call them."""
