"""The run folder of a fit: which of its files say what, and in which order they come and go.

`run.json` says what the fit was begun with. `person.safetensors` and `painted.safetensors` are written as soon as they
are known; `checkpoint.safetensors` is an avatar from its first save on, and while its entry "fit" is there, the fit
goes on from it. A file is written whole or not at all, so a fit that is killed goes on from the last of them.
"""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from avatars.body import BodyModel
from avatars.body.saved_model import FILE as BODY_FILE
from avatars.body.saved_model import load_body, save_body
from avatars.finding import FoundPerson
from avatars.fit_run.findings import Timed, load_painted, load_person, save_painted, save_person
from avatars.fit_run.record import FitRecord
from avatars.posed.run import UNFINISHED
from avatars.surface.painted_body import PaintedBody
from nfield.checkpoint import FILE, Checkpoint, extra_of, load_checkpoint
from nfield.config_json import from_json, to_json
from nfield.errors import CheckpointError, OptionError
from nfield.training.run_folder import RUN_FILE, read_json, write_json

PERSONS_FILE = "persons.png"
"""All persons of a photo with several, numbered."""
PROGRESS_FILE = "progress.png"
"""What the avatar looked like a minute ago at most."""

_PERSON = "person.safetensors"
_PAINTED = "painted.safetensors"
_RESULTS = ("report.json", "source.png", "strip.png")


@dataclass(frozen=True)
class FitFolder:
    """A fit's run folder.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def holds_run(self) -> bool:
        """Whether there is a run, of a fit or of anything else."""
        return (self.path / FILE).is_file()

    @property
    def finished(self) -> bool:
        """Whether there is a run that does not wait for anybody to go on with it."""
        return self.holds_run and UNFINISHED not in extra_of(self.path)

    def record(self) -> FitRecord | None:
        """What the fit was begun with; None where none was.

        Raises:
            CheckpointError: The file is of another version, or was edited.
        """
        plan = read_json(self.path / RUN_FILE).get("plan")
        if not isinstance(plan, dict) or "photo" not in plan:
            return None
        return from_json(FitRecord, plan, where=f"{self.path / RUN_FILE}: plan")

    def body(self) -> BodyModel | None:
        """The body that the fit was begun with."""
        path = self.path / BODY_FILE
        return load_body(path) if path.is_file() else None

    def goes_on(self, record: FitRecord, *, overwrite: bool, resume: bool) -> bool:
        """Whether a fit goes on with what lies here.

        Args:
            record: What is given now.
            overwrite: Whether a run that lies here may be replaced.
            resume: Whether the fit that lies here is meant.

        Raises:
            CheckpointError: Here lies a run that may not be replaced, or one that is finished.
            OptionError: The fit that lies here was begun with other options.
            DataError: It was begun with another photo.
        """
        if overwrite and resume:
            raise OptionError("--overwrite and --resume: are both given, expected one of them; leave one out")
        if resume:
            return self._resumes(record)
        if self.holds_run and not overwrite:
            self._refuse()
        return False

    def require_unfinished(self) -> None:
        """Refuses to go on with a run that is finished."""
        if self.finished:
            raise CheckpointError(
                f"{self.path}: holds a run that is finished, so there is nothing to resume; to spend more time on it, "
                "begin anew with a larger --minutes and --overwrite"
            )

    def begin(self, record: FitRecord, model: BodyModel) -> None:
        """Forgets what lies here, and writes what a fit begins with."""
        self.forget()
        save_body(self.path / BODY_FILE, model)
        about = {
            "what": f"an avatar of {record.photo.path}",
            "nfield": version("nfield"),
            "torch": torch.__version__,
            "plan": to_json(record),
        }
        write_json(self.path / RUN_FILE, about)

    def person(self) -> Timed[FoundPerson] | None:
        """Who was found, if somebody was."""
        path = self.path / _PERSON
        return load_person(path) if path.is_file() else None

    def keep_person(self, found: Timed[FoundPerson]) -> None:
        """Writes who was found."""
        if found.value.preview is not None:
            found.value.preview.save(self.path / PERSONS_FILE)
        save_person(self.path / _PERSON, found)

    def painted(self, model: BodyModel) -> Timed[PaintedBody] | None:
        """The painted body, if there is one."""
        path = self.path / _PAINTED
        return load_painted(path, model) if path.is_file() else None

    def keep_painted(self, painted: Timed[PaintedBody]) -> None:
        """Writes the painted body."""
        save_painted(self.path / _PAINTED, painted)

    def checkpoint(self) -> Checkpoint | None:
        """What an unfinished training reached."""
        return load_checkpoint(self.path) if self.holds_run else None

    def finish(self) -> None:
        """Removes what only a fit that goes on needs, and what killed processes were writing."""
        for path in (self.path / _PERSON, self.path / _PAINTED, *self.path.glob(".*.part")):
            path.unlink(missing_ok=True)

    def forget(self) -> None:
        """Removes a run; first what says that there is one to go on with."""
        for name in (RUN_FILE, FILE, BODY_FILE, PROGRESS_FILE, *_RESULTS):
            (self.path / name).unlink(missing_ok=True)
        self.finish()

    def _resumes(self, record: FitRecord) -> bool:
        self.require_unfinished()
        begun = self.record()
        if begun is None and self.holds_run:
            raise CheckpointError(
                f"{self.path}: lacks a whole {RUN_FILE}, which says what its fit was begun with; "
                "begin anew with --overwrite"
            )
        if begun is not None:
            begun.require_same(record, where=self.path)
        return begun is not None

    def _refuse(self) -> None:
        if self.finished:
            raise CheckpointError(
                f"{self.path}: already holds a run; add --overwrite to replace it, or give another folder to --out"
            )
        raise CheckpointError(
            f"{self.path}: already holds a fit that is not finished; add --resume to go on with it, --overwrite to "
            "replace it, or give another folder to --out"
        )
