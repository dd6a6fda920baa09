from __future__ import annotations

import json
from pathlib import Path

import pytest

from envmgr.errors import UsageError
from envmgr.integrations import jupyter
from envmgr.integrations.jupyter import PYTHON, R


def install(
    data: Path, name: str, prefix: str, *, replace: bool = False, language: jupyter.Language = PYTHON
) -> jupyter.Kernel:
    return jupyter.install(
        data, name, prefix=Path(prefix), command=("/opt/envmgr",), display_name="Python (x)", language=language,
        replace=replace,
    )  # fmt: skip


def test_a_kernel_is_started_by_run_and_known_as_ours(tmp_path: Path) -> None:
    made = install(tmp_path, "Science", "/envs/science")
    assert json.loads((tmp_path / "kernels/science/kernel.json").read_text()) == {
        "argv": ["/opt/envmgr", "run", "-p", "/envs/science", "python", "-m", "ipykernel_launcher", "-f",
                 "{connection_file}"],
        "display_name": "Python (x)",
        "language": "python",
        "metadata": {"debugger": True, "envmgr": {"prefix": "/envs/science"}},
    }  # fmt: skip
    assert jupyter.kernels(tmp_path) == (made,)
    assert jupyter.remove(tmp_path, "science") == made
    assert jupyter.kernels(tmp_path) == ()
    assert (
        "IRkernel::main()"
        in install(tmp_path, "r", "/envs/r", language=R).directory.joinpath("kernel.json").read_text()
    )


def test_kernels_of_others_are_neither_replaced_nor_removed(tmp_path: Path) -> None:
    theirs = tmp_path / "kernels/python3"
    theirs.mkdir(parents=True)
    (theirs / "kernel.json").write_text('{"argv": ["python"], "display_name": "Python 3"}')
    broken = tmp_path / "kernels/broken"
    broken.mkdir()
    (broken / "kernel.json").write_text("[" * 100_000)
    install(tmp_path, "mine", "/envs/a")
    for name in ("python3", "mine"):
        with pytest.raises(UsageError, match=f"there is a kernel {name} of"):
            install(tmp_path, name, "/envs/b")
    with pytest.raises(UsageError, match="there are: mine"):
        jupyter.remove(tmp_path, "python3")
    assert install(tmp_path, "python3", "/envs/b", replace=True).prefix == "/envs/b"
    with pytest.raises(UsageError, match="cannot be the name of a kernel"):
        install(tmp_path, "../x", "/envs/b")


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {}, "/home/me/.local/share/jupyter"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/jupyter"),
        ("darwin", {}, "/home/me/Library/Jupyter"),
        ("win32", {"APPDATA": "/appdata"}, "/appdata/jupyter"),
        ("win32", {"JUPYTER_DATA_DIR": "/mine"}, "/mine"),
    ],
)
def test_kernels_are_where_jupyter_looks(platform: str, environ: dict[str, str], expected: str) -> None:
    assert jupyter.data_directory(environ, Path("/home/me"), platform) == Path(expected)
