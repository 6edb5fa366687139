"""Open formats that runs leave in: one registry of exports, by the kind of the run and the name of the format."""

from nfield.export.registry import EXPORTS, Export, Tell, export_of, register

__all__ = ["EXPORTS", "Export", "Tell", "export_of", "register"]
