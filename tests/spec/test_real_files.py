"""Every real environment file is read, or refused for the reason that a person would give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from envmgr.errors import SpecError
from envmgr.spec import environment_file, files
from envmgr.spec.digest import semantic_digest
from envmgr.spec.pip_lines import pip_lines

LOCK = "this is a conda-lock file"
NO_DEPENDENCIES = "there is no key `dependencies`"

# One reason a fault, in the order of the lines.
REFUSED = {
    "real/0312sarah__land-cover.yml": ("not YAML: mapping values are not allowed",),
    "real/DeepGraphLearning__torchdrug.yml": ("not YAML: .*the file is a template",),
    "real/Project-MONAI__MONAI.yml": ("requirements-dev.txt does not exist",),
    "suites/conda-incubator__conda-lockfiles__tests_data_invalid-lockfiles_"
    "conda-lock-v1-invalid-metadata-type.yml": (LOCK,),
    "suites/conda-incubator__conda-lockfiles__tests_data_invalid-lockfiles_conda-lock-v1-missing-package.yml": (LOCK,),
    "suites/conda-incubator__conda-project__examples_multi-env-files_conda-lock.test.yml": (LOCK,),
    "suites/conda-incubator__conda-project__examples_multi-env-files_conda-project.yml": (NO_DEPENDENCIES,),
    "suites/conda-incubator__conda-store__examples_kubernetes_conda-store-worker.yml": ("a second YAML document",),
    "suites/conda-incubator__conda-store__examples_ubuntu2004_files_environments_conda-store.yml": ("is a template",),
    "suites/conda-incubator__conda-store__examples_ubuntu2004_tasks_conda_environment.yml": ("found a list",),
    "suites/conda-incubator__setup-miniconda__etc_example-environment.yml": ("requirements.txt does not exist",),
    "suites/conda__conda-lock__environments_conda-lock-python-3.14.yml": (LOCK,),
    "suites/conda__conda-lock__tests_test-pip-hash-checking_environment.yml": ("`sha256:1234` is no sha256",),
    "suites/conda__conda__tests_env_support_advanced-pip_env_template.yml": (
        "is no URL", "another-project-requirements.txt does not exist",
    ),
    "suites/conda__conda__tests_env_support_empty_env.yml": (NO_DEPENDENCIES,),
    "suites/mamba-org__mamba__micromamba_tests_env-requires-pip-install-with-spaces.yml": (
        "a character that names may not have",
    ),
}  # fmt: skip


def real_files(shared_data: Path) -> list[tuple[str, Path]]:
    directory = shared_data / "env"
    rows = (directory / "MANIFEST.tsv").read_text().splitlines()[1:]
    return [(row.split("\t")[0], directory / row.split("\t")[0]) for row in rows]


@pytest.mark.parametrize("platform", ["linux-64", "osx-arm64", "win-64"])
def test_real_files_are_read_or_refused_for_a_known_reason(shared_data: Path, platform: str) -> None:
    seen = set()
    for name, path in real_files(shared_data):
        text = files.read_text(str(path))
        expected = REFUSED.get(name)
        if expected is None:
            spec = environment_file.read(text, source=str(path), platform=platform)
            assert len(semantic_digest(spec)) == 64
            continue
        seen.add(name)
        with pytest.raises(SpecError) as caught:
            environment_file.read(text, source=str(path), platform=platform)
        found = [f"{fault['where']}: {fault['message']}; {fault['hint']}" for fault in caught.value.details["faults"]]
        assert len(found) == len(expected), (name, found)
        for fault, reason in zip(found, expected, strict=True):
            assert re.search(reason, fault), (name, fault)
    assert seen == set(REFUSED)


def test_numbers_of_packages_are_those_of_the_manifest(shared_data: Path) -> None:
    rows = [row.split("\t") for row in (shared_data / "env" / "MANIFEST.tsv").read_text().splitlines()[1:]]
    for name, *_, conda, pip, features in rows:
        if name in REFUSED or "sel()" in features:
            continue
        path = shared_data / "env" / name
        spec = environment_file.read(files.read_text(str(path)), source=str(path), platform="linux-64")
        assert (len(spec.dependencies), len(pip_lines(spec))) == (int(conda), int(pip)), name
