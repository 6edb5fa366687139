# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo/avatar
# The range of versions that the project file asks for.
TORCH := $(shell sed -n 's/^ *"\(torch[<>=][^"]*\)".*/\1/p' pyproject.toml)

.PHONY: help demo test docs wheel clean

help:
	@echo "make demo    install, fit an avatar to the sample photo, film, export and view it"
	@echo "make test    install, then formatting, lint, types, layers, API reference and all tests"
	@echo "make docs    the API reference, from docstrings, in build/api"
	@echo "make wheel   a wheel that another machine can install, in dist, and whether it works"
	@echo "make clean   remove what these made"

# A stamp is newer than the project file and the native sources once everything is installed.
# Python compiles what it imports: letting pip compile all of torch's files first costs a minute. What the commands
# import is compiled at once, even where the environment keeps Python from it: each of them would do it again.
IMPORTED := nfield.cli.fit, nfield.cli.render, nfield.cli.export, nfield.cli.view, nfield.cli.kinds.avatar

$(VENV)/.installed: pyproject.toml CMakeLists.txt $(wildcard nfield/kernels/native/*)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --upgrade pip
# Unpacking torch and compiling the native core take a minute each, and neither needs the other.
	$(BIN)/python -m pip install --no-compile --progress-bar off '$(TORCH)' & torch=$$!; \
	$(BIN)/python -m pip install --no-compile --no-deps --editable . && wait $$torch
	$(BIN)/python -m pip install --no-compile nfield
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -c 'import $(IMPORTED)'
	touch $@

# What only the tests need.
$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --no-compile 'nfield[dev]'
	touch $@

# Less training and smaller pictures than by default, so that the demo stays short.
demo: $(VENV)/.installed
	$(BIN)/nfield fit assets/sample/photo.jpg --out $(DEMO) --overwrite --minutes 0.6
	$(BIN)/nfield render $(DEMO) --frames 18 --size 288 288
	$(BIN)/nfield render $(DEMO) --motion dance --camera front --size 288 288 --fps 5 --out $(DEMO)/dance
	$(BIN)/nfield export $(DEMO) --to glb --texture 1024
	@echo "The avatar is in $(DEMO): look at turntable.mp4, strip.png and dance/dance.mp4, and open avatar.glb."
# Opens the avatar in the viewer until Ctrl-C; CI only sees to it that its page works.
	$(BIN)/nfield view $(DEMO) $(if $(CI),--check)

test: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/python docs/build_api.py build/api
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 -m "not gpu"

docs: $(VENV)/.installed-dev
	$(BIN)/python docs/build_api.py build/api

# What is tried is the wheel: .pth files, by which the environment finds this checkout, do not count in PYTHONPATH.
wheel: $(VENV)/.installed
	rm -rf dist build/wheel
	$(BIN)/python -m pip wheel --no-deps --wheel-dir dist .
	$(BIN)/python -m pip install --no-deps --no-compile --target build/wheel dist/*.whl
	cd build && PYTHONPATH="$(CURDIR)/build/wheel:$$(ls -d $(CURDIR)/$(VENV)/lib/python*/site-packages)" $(PYTHON) -c \
		'import nfield, sys; from nfield.cli import main; assert "build/wheel" in nfield.__file__; sys.exit(main(["doctor"]))'

clean:
	rm -rf $(VENV) build demo dist
