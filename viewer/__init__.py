"""The web viewer: any run in the browser, rendered while the camera moves.

The viewer knows one callable, `viewer.interface.View`. What a kind of run shows is a `viewer.interface.Subject`,
made by one small module per kind (`nfield.cli.kinds` calls it); a thread per open page renders it
(`viewer.render_loop`).
"""
