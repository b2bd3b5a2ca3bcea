# demo: the whole pipeline on synthetic studies   test: the test suite   lint: ruff and mypy   bench: measurements
# docs: the documentation as a static site   tutorials: runs the notebooks again   screenshots: pictures of the documentation
# test-lowest: the test suite with the oldest versions that setup.cfg admits
# label: MONAI Label server   deploy: MONAI Deploy application   bundle: zip for monai.bundle.load and the model zoo
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
STUDIES ?= outputs/sample-films
PORT ?= 8000
INPUT ?= $(STUDIES)
OUTPUT ?= outputs/deploy

.PHONY: install demo test test-lowest lint bench docs tutorials screenshots label deploy bundle
install: $(VENV)/.installed

$(VENV)/.installed: setup.cfg constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: $(PYTHON) is older than 3.11; expected Python 3.11 or newer; set PYTHON=python3.11"; exit 1; }
	@echo "make: $(VENV) is missing or older than setup.cfg; installing the tested set (constraints.txt), some minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[test,docs]'
	@touch $@

demo: install
	$(BIN)/python -m bundle demo --out demo-output

test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

# Rules with a pattern below make other environments; this one has nothing of .venv.
.venv-lowest/.installed: setup.cfg constraints-lowest.txt
	@echo "make: .venv-lowest is missing or older than setup.cfg; installing the lowest set (constraints-lowest.txt), 8 GB"
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/pip install --quiet --no-cache-dir --constraint constraints-lowest.txt --editable '.[test]'
	@touch $@

test-lowest: .venv-lowest/.installed
	OMP_NUM_THREADS=1 .venv-lowest/bin/python -m pytest -n 2 --dist loadfile

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy bundle/scripts

bench: install
	@for file in attention_cost training_throughput inference_throughput dicom_speed single_study cache_hit dicom_fuzz; do echo "== $$file"; $(BIN)/python benchmarks/$$file.py || exit 1; done

docs: install
	$(BIN)/python integrations/docs_site/build_site.py

tutorials: install
	$(BIN)/python integrations/docs_site/run_tutorials.py

screenshots: install demo-output/report.html docs
	$(BIN)/python integrations/docs_site/screenshots.py

demo-output/report.html: | install
	$(BIN)/python -m bundle demo --out demo-output

# MONAI Label and MONAI Deploy need packages that the project's own environment must not have; each gets an environment
# over it: its own packages first, those of .venv behind them.
.venv-%/.installed: integrations/monai_%/requirements.txt $(VENV)/.installed
	$(PYTHON) -m venv .venv-$*
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])' > "$$(.venv-$*/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/project.pth"
	.venv-$*/bin/pip install --quiet --no-deps --requirement $<
	@touch $@

# MONAI Label lists one folder, not those in it.
outputs/sample-films: | install
	$(BIN)/python -m bundle phantoms outputs/sample-studies --patients 8
	mkdir -p $@ && cd outputs/sample-studies && for film in patient*/study*/image.dcm; do \
		cp "$$film" "../sample-films/$$(dirname "$$film" | tr / _).dcm"; done

label: .venv-label/.installed | $(filter-out http%,$(STUDIES))
	PYTHONPATH=integrations/monai_label/startup MONAI_LABEL_DATASTORE_FILE_EXT='["*.dcm","*.png","*.jpg","*.jpeg"]' \
	MONAI_LABEL_DICOMWEB_CONVERT_TO_NIFTI=false MONAI_LABEL_DICOMWEB_SEARCH_FILTER='{"Modality": "DX"}' \
	.venv-label/bin/python -m monailabel.main start_server --app integrations/monai_label/app --studies $(STUDIES) --host 127.0.0.1 --port $(PORT)

deploy: .venv-deploy/.installed | $(INPUT)
	PYTHONPATH=integrations/monai_deploy/startup .venv-deploy/bin/python integrations/monai_deploy/app -i $(INPUT) -o $(OUTPUT)

bundle: install
	$(BIN)/python integrations/model_zoo/pack.py
