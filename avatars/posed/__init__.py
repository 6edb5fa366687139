"""The avatar in space: a canonical field behind the warp of a pose, its samplers, and its run folder."""
