"""COLMAP's steps by the package pycolmap, on the CPU: features, matches, and cameras with points of what was seen."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nfield.data.posing.photos import LEAST, by_lens
from nfield.data.posing.watch import Watch, in_parts
from nfield.errors import BackendUnavailable

_LENS = "OPENCV"
"""COLMAP's name of the lens that pictures of one size and focal length share: two focal lengths, four distortions."""
_FEATURES = 4096
"""Of a picture, at most; COLMAP takes twice as many, and comparing two pictures then takes four times as long."""
_PICTURES_A_PART, _PAIRS_A_PART = 4, 40
"""Of a call, after which progress is told and Ctrl-C is heard."""
_SEED = 0


@dataclass(frozen=True)
class Features:
    """What can be found again in the pictures.

    Attributes:
        counts: Features of each picture, by name.
        matching: How many pairs of pictures show the same, after a check of their geometry.
    """

    counts: Mapping[str, int]
    matching: int


class Registration:
    """A search for poses in a folder for its work; what was done is not done again.

    Args:
        images: The folder of the pictures.
        names: Of the pictures.
        work: The folder for its work.
        watch: Is told how far it is.
    """

    def __init__(self, images: Path, names: Sequence[str], work: Path, *, watch: Watch) -> None:
        self._colmap = require_pycolmap()
        self._images, self._names, self._work, self._watch = images, list(names), work, watch
        self._database = work / "database.db"
        self._work.mkdir(parents=True, exist_ok=True)
        self._import()

    def find_features(self) -> None:
        """SIFT features (Lowe 2004) of each picture."""
        options = self._colmap.FeatureExtractionOptions()
        options.use_gpu, options.sift.max_num_features = False, _FEATURES
        for names in in_parts(self._names, _PICTURES_A_PART, step="finding features", watch=self._watch):
            self._colmap.extract_features(
                self._database, self._images, image_names=list(names), extraction_options=options,
                reader_options=self._reading(), device=self._colmap.Device.cpu,
            )  # fmt: skip

    def match(self, pairs: Sequence[tuple[str, str]]) -> Features:
        """Compares pairs of pictures, and keeps what one motion of a camera explains."""
        options, listed = self._colmap.FeatureMatchingOptions(), self._colmap.ImportedPairingOptions()
        options.use_gpu, listed.match_list_path = False, self._work / "pairs.txt"
        verification = self._colmap.TwoViewGeometryOptions()
        verification.ransac.random_seed = _SEED
        for part in in_parts(pairs, _PAIRS_A_PART, step="comparing pictures", watch=self._watch):
            listed.match_list_path.write_text("".join(f"{one} {other}\n" for one, other in part), encoding="utf-8")
            self._colmap.match_image_pairs(
                self._database, matching_options=options, pairing_options=listed, verification_options=verification,
                device=self._colmap.Device.cpu,
            )  # fmt: skip
        return self._found()

    def place(self, sparse: Path) -> list[list[str]]:
        """Cameras and points by incremental mapping (Schönberger and Frahm 2016); writes the largest model.

        Args:
            sparse: Folder for its files.

        Returns:
            Names of the pictures in each model, the largest first; models do not know of each other where they are.
        """
        models = self._mapped()
        if models:
            sparse.mkdir(parents=True, exist_ok=True)
            models[0].write(sparse)
        return [sorted(image.name for image in model.images.values() if image.has_pose) for model in models]

    def _mapped(self) -> list[Any]:
        options, placed, output = self._colmap.IncrementalPipelineOptions(), 0, self._work / "models"
        options.min_model_size, options.random_seed, options.extract_colors = LEAST, _SEED, False
        output.mkdir(exist_ok=True)

        def tell() -> None:
            nonlocal placed
            placed = min(placed + 1, len(self._names))
            self._watch("placing cameras", placed, len(self._names))

        found = self._colmap.incremental_mapping(
            self._database, self._images, output, options, initial_image_pair_callback=tell, next_image_callback=tell
        )
        return sorted(found.values(), key=lambda model: -model.num_reg_images())

    def _import(self) -> None:
        """Lists pictures and lenses in the database, unless it has them; an import that was cut off is begun anew."""
        if self._database.exists() and self._listed() != set(self._names):
            self._database.unlink()
        self._colmap.Database.open(self._database).close()
        if self._listed():
            return
        for group in by_lens([self._images / name for name in self._names]):
            names = [path.name for path in group]
            self._colmap.import_images(
                self._database, self._images, self._colmap.CameraMode.SINGLE, names, self._reading()
            )

    def _reading(self) -> Any:  # noqa: ANN401 - of a package without types
        options = self._colmap.ImageReaderOptions()
        options.camera_model = _LENS
        return options

    def _listed(self) -> set[str]:
        database = self._colmap.Database.open(self._database)
        try:
            return {image.name for image in database.read_all_images()}
        finally:
            database.close()

    def _found(self) -> Features:
        database = self._colmap.Database.open(self._database)
        try:
            counts = {
                image.name: database.num_keypoints_for_image(image.image_id) for image in database.read_all_images()
            }
            _, agreeing = (
                database.read_two_view_geometry_num_inliers()
            )  # pairs that do not match are there, too, with 0
            return Features(counts, sum(count > 0 for count in agreeing))
        finally:
            database.close()


def require_pycolmap() -> Any:  # noqa: ANN401 - a package without types
    """The package pycolmap, with its log at errors.

    Raises:
        BackendUnavailable: It is missing.
    """
    try:
        pycolmap: Any = importlib.import_module("pycolmap")
    except ImportError as error:
        raise BackendUnavailable(
            "poses of photos and videos are found by the package pycolmap, which is missing; install it with: "
            "pip install 'nfield[colmap]', or find the poses with COLMAP itself and give its folder"
        ) from error
    pycolmap.logging.minloglevel = int(pycolmap.logging.FATAL)
    return pycolmap
