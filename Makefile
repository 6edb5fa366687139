# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo/avatar

.PHONY: demo test check clean

# The stamp is newer than the project file and the native sources once everything is installed.
$(VENV)/.installed: pyproject.toml CMakeLists.txt $(wildcard nfield/kernels/native/*)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --upgrade pip
	$(BIN)/python -m pip install --editable '.[dev]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/nfield fit assets/sample/photo.jpg --out $(DEMO) --overwrite
	$(BIN)/nfield render $(DEMO)
# Smaller and fewer pictures than by default, so that the demo stays short.
	$(BIN)/nfield render $(DEMO) --motion dance --camera front --size 320 320 --fps 10 --out $(DEMO)/dance
	@echo "The avatar is in $(DEMO): look at turntable.mp4, strip.png and dance/dance.mp4 there."
# Opens the avatar in the viewer until Ctrl-C; CI only sees to it that its page works.
	$(BIN)/nfield view $(DEMO) $(if $(CI),--check)

test: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 -m "not gpu"

clean:
	rm -rf $(VENV) build demo
