"""The embedded channel itself: every recipe of this repository built, solved, installed and run."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rattler import (
    Channel as RattlerChannel,
)
from rattler import (
    Gateway,
    GenericVirtualPackage,
    MatchSpec,
    PackageName,
    RepoDataRecord,
    Subdir,
    Version,
    VirtualPackage,
    install,
    solve,
)
from rattler.exceptions import SolverError
from rattler.package import BuildString

from envmgr.channels.building import build
from envmgr.channels.built import is_current
from envmgr.channels.model import Channel
from envmgr.reporting import SilentReporter
from envmgr.settings import Settings

pytestmark = [pytest.mark.network, pytest.mark.slow]
RECIPES = Path(__file__).resolve().parents[2] / "recipes"


class Embedded:
    """The built channel, with the little of a solver and an installer that these tests need."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "home").mkdir()
        environ = {
            key: value for key, value in os.environ.items() if not key.startswith(("ENVMGR_", "CONDA", "PYTHON"))
        }
        cache = directory / "cache"
        self.settings = Settings.load({**environ, "HOME": str(directory / "home"), "ENVMGR_CACHE": str(cache)})
        url = (cache / "channels" / "0123456789ab" / "embedded").as_uri()
        self.channel = Channel(name="embedded", url=url, recipes=RECIPES)
        self.report = build(self.channel, settings=self.settings, reporter=SilentReporter())

    def solve(self, *specs: str, cuda: str | None = None) -> dict[str, str]:
        """Return name → `version build` of what the specs resolve to."""
        records = asyncio.run(self._solve(specs, cuda))
        return {record.name.normalized: f"{record.version} {record.build}" for record in records}

    async def _solve(self, specs: tuple[str, ...], cuda: str | None) -> list[RepoDataRecord]:
        virtual = [package.into_generic() for package in VirtualPackage.detect() if "cuda" not in repr(package)]
        if cuda is not None:
            virtual.append(GenericVirtualPackage(PackageName("__cuda"), Version(cuda), BuildString("0")))
        return list(
            await solve(
                sources=[RattlerChannel(self.channel.url)],
                specs=[MatchSpec(spec) for spec in specs],
                gateway=Gateway(cache_dir=self.directory / "gateway"),
                platforms=[Subdir.current(), "noarch"],
                virtual_packages=virtual,
            )
        )

    def install(self, name: str, *specs: str, cuda: str | None = None, scripts: bool = False) -> Path:
        """Return a prefix, with a space in its path, that holds what the specs resolve to."""
        prefix = self.directory / "some envs" / name

        async def realise() -> None:
            records = await self._solve(specs, cuda)
            await install(
                records,
                target_prefix=prefix,
                cache_dir=self.directory / "packages",
                show_progress=False,
                execute_link_scripts=scripts,
            )

        asyncio.run(realise())
        return prefix


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Embedded:
    return Embedded(tmp_path_factory.mktemp("embedded"))


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    def run(prefix: Path, *command: str) -> str:
        environ = {"PATH": f"{prefix / 'bin'}{os.pathsep}{os.defpath}", "HOME": str(tmp_path)}
        result = subprocess.run(command, capture_output=True, text=True, env=environ, check=False, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    return run


def test_every_recipe_is_built_and_then_current(embedded: Embedded) -> None:
    assert {item.recipe for item in embedded.report.built} == {
        path.parent.name for path in RECIPES.glob("*/recipe.yaml")
    }
    started = time.monotonic()
    assert is_current(embedded.channel, embedded.settings)
    assert time.monotonic() - started < 0.1


def test_the_second_build_keeps_everything(embedded: Embedded) -> None:
    report = build(embedded.channel, settings=embedded.settings, reporter=SilentReporter())
    assert report.built == ()
    assert len(report.kept) == len(embedded.report.built)


def test_python_numpy_and_pip_work_together(embedded: Embedded, run: Callable[..., str]) -> None:
    prefix = embedded.install("numeric", "python", "numpy", "pip", "hello-noarch")
    python = str(prefix / "bin" / "python")
    product = run(prefix, python, "-c", "import numpy; print(int((numpy.ones((3, 3)) @ numpy.ones((3, 3))).sum()))")
    assert product == "27"
    assert run(prefix, python, "-c", "import sys; print(sys.prefix)") == str(prefix)
    seen = {entry["name"] for entry in json.loads(run(prefix, "pip", "list", "--format=json"))}
    assert {"pip", "numpy", "hello-noarch"} <= seen
    assert run(prefix, "pip", "check") == "No broken requirements found."
    assert run(prefix, "f2py", "-v") == run(prefix, python, "-c", "import numpy; print(numpy.__version__)")
    assert str(prefix) in run(prefix, "hello-noarch")
    records = [json.loads(path.read_text()) for path in prefix.glob("conda-meta/python-3*.json")]
    assert records[0]["python_site_packages_path"].endswith("site-packages")
    assert records[0]["version"].startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")


def test_node_and_npm_run_from_the_environment(embedded: Embedded, run: Callable[..., str]) -> None:
    prefix = embedded.install("node", "nodejs")
    assert run(prefix, "node", "-e", "console.log(process.execPath)") == str(prefix / "bin" / "node")
    for program in ("npm", "npx", "corepack"):
        assert run(prefix, program, "--version").count(".") == 2


def test_libblas_is_one_of_two_builds(embedded: Embedded, run: Callable[..., str]) -> None:
    assert embedded.solve("libblas")["libblas"].endswith("_openblas")
    other = embedded.solve("blas=*=ilp64")
    assert other["libblas"].endswith("_ilp64")
    assert "libopenblas-ilp64" in other
    with pytest.raises(SolverError):
        embedded.solve("libblas=*=*_ilp64", "blas=*=openblas")
    prefix = embedded.install("blas", "libblas", "python")
    code = (
        "import ctypes, sys\n"
        "library = ctypes.CDLL(sys.prefix + '/lib/libblas.so.3')\n"
        "library.scipy_cblas_ddot.restype = ctypes.c_double\n"
        "vector = (ctypes.c_double * 3)(1, 2, 3)\n"
        "print(library.scipy_cblas_ddot(3, vector, 1, vector, 1))"
    )
    assert run(prefix, str(prefix / "bin" / "python"), "-c", code) == "14.0"


@pytest.mark.parametrize(
    ("cuda", "build", "runtime"),
    [(None, "cpu", None), ("11.8", "cpu", None), ("12.4", "cuda", "12."), ("13.0", "cuda", "13.")],
)
def test_the_driver_decides_between_builds(
    embedded: Embedded, cuda: str | None, build: str, runtime: str | None
) -> None:
    solution = embedded.solve("hello-gpu", cuda=cuda)
    assert solution["hello-gpu"].split()[1].startswith(f"{build}_")
    assert ("cuda-cudart" in solution) == (runtime is not None)
    assert solution.get("cuda-cudart", runtime or "").startswith(runtime or "")


def test_the_cuda_build_loads_its_runtime(embedded: Embedded, run: Callable[..., str]) -> None:
    prefix = embedded.install("gpu", "hello-gpu", cuda="12.4")
    assert run(prefix, "hello-gpu") == "cuda 12090"


def test_placeholders_name_the_prefix(embedded: Embedded, run: Callable[..., str]) -> None:
    prefix = embedded.install("prefixes", "hello-prefix")
    assert run(prefix, "hello-prefix") == f"text: {prefix}\nbinary: {prefix}"


def test_activation_files_are_where_activation_looks(embedded: Embedded, run: Callable[..., str]) -> None:
    prefix = embedded.install("activation", "hello-activate")
    script = '. "$0/etc/conda/activate.d/hello-activate.sh"; echo "$HELLO_ACTIVATE_PREFIX"'
    assert run(prefix, "env", f"CONDA_PREFIX={prefix}", "sh", "-c", script, str(prefix)) == str(prefix)
    variables = json.loads((prefix / "etc/conda/env_vars.d/hello-activate.json").read_text())
    assert variables == {"HELLO_VARIABLE": "from a package"}


def test_link_scripts_run_only_where_they_are_allowed(embedded: Embedded, run: Callable[..., str]) -> None:
    without = embedded.install("unlinked", "hello-post-link")
    assert run(without, "hello-post-link") == "the post-link script has not run"
    linked = embedded.install("linked", "hello-post-link", scripts=True)
    assert run(linked, "hello-post-link") == "the post-link script has run"


def test_every_package_has_licence_and_summary(embedded: Embedded) -> None:
    directory = embedded.settings.cache / "channels" / "0123456789ab" / "embedded"
    for index in directory.glob("*/repodata.json"):
        for name, record in json.loads(index.read_text())["packages.conda"].items():
            assert record.get("license"), name
