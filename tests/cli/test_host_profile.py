from __future__ import annotations

from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.packages import Package

NO_GPU = {"CONDA_OVERRIDE_GLIBC": "2.34"}


@pytest.fixture
def channel(channel: LocalChannel) -> LocalChannel:
    """torch as conda-forge has it: a CPU build, and a CUDA build that is preferred where the machine shows a driver."""
    channel.add(Package(name="cuda-version", version="12.8", constrains=["__cuda >=12"]))
    channel.add(Package(name="cuda-version", version="13.0", constrains=["__cuda >=13"]))
    channel.add(Package(name="torch", version="2.5", build="cpu_0", depends=["base-files"]))
    channel.add(
        Package(
            name="torch", version="2.5", build="cuda12_1", build_number=1, depends=["cuda-version >=12,<13", "__cuda"]
        )
    )
    channel.add(Package(name="simple", version="1", build="cpu_0"))
    return channel.add(Package(name="simple", version="1", build="cuda_1", build_number=1, depends=["__cuda >=12"]))


def builds(envmgr: Envmgr, name: str) -> dict[str, str]:
    return {each["name"]: each["build_string"] for each in envmgr("list", "-n", name, "--json").json}


@pytest.fixture
def on_gpu_node(envmgr: Envmgr) -> Envmgr:
    """An envmgr beside which the profile `gpu` was captured, on a node with a driver."""
    envmgr.ok("host-profile", "capture", "gpu", "-q", CONDA_OVERRIDE_CUDA="12.8", CONDA_OVERRIDE_GLIBC="2.28")
    return envmgr


def test_cpu_builds_are_said_loudly_with_the_option_that_chooses_the_others(
    envmgr: Envmgr, channel: LocalChannel
) -> None:
    envmgr.write("environment.yml", environment_file(channel, "torch", "simple"))
    done = envmgr("create", "-f", "environment.yml", "-q", **NO_GPU)
    assert done.code == 0
    assert "CPU builds were chosen, since this machine shows no __cuda" in done.err
    assert "simple 1 cpu_0 instead of 1 cuda_1" in done.err
    assert "torch 2.5 cpu_0 instead of 2.5 cuda12_1" in done.err
    flags = ["--virtual-package", "__cuda=12"]
    assert " ".join(flags) in done.err
    done = envmgr("create", "-f", "environment.yml", "-q", *flags, "--yes")
    assert (done.code, done.err) == (0, "")
    found = builds(envmgr, "science")
    assert (found["torch"], found["simple"]) == ("cuda12_1", "cuda_1")


@pytest.mark.parametrize("said", [{"CONDA_OVERRIDE_CUDA": ""}, None])
def test_who_says_that_there_is_no_gpu_is_not_told(
    envmgr: Envmgr, channel: LocalChannel, said: dict[str, str] | None
) -> None:
    flags = [] if said is not None else ["--virtual-package", "__cuda="]
    done = envmgr("create", "-n", "x", "-c", channel.url, "torch", *flags, "-q", **(said or {}))
    assert (done.code, done.err) == (0, "")
    done = envmgr("create", "-n", "y", "-c", channel.url, "torch=*=cpu*", "tool", "-q")
    assert (done.code, done.err) == (0, "")


def test_gpu_required_makes_an_error_of_it(on_gpu_node: Envmgr, channel: LocalChannel) -> None:
    envmgr = on_gpu_node
    envmgr.write("environment.yml", environment_file(channel, "torch", more="gpu: required\n"))
    done = envmgr("create", "-f", "environment.yml", "--json")
    assert (done.code, done.json["error"]) == (1, "Unsatisfiable")
    assert "`gpu: required`, but no __cuda was seen" in done.json["message"]
    (edit,) = done.json["details"]["edits"]
    envmgr.ok("create", "-f", "environment.yml", "-q", *edit["flags"])
    assert builds(envmgr, "science")["torch"] == "cuda12_1"
    assert "gpu: required" in envmgr.ok("export", "-n", "science")


def test_a_profile_is_solved_for_recorded_and_kept(on_gpu_node: Envmgr, channel: LocalChannel) -> None:
    envmgr = on_gpu_node
    assert (envmgr.directory / "host-profiles/gpu.yaml").read_text().splitlines()[1:] == [
        "schema: 1",
        "platform: linux-64",
        "virtual_packages:",
        *(f"  - {each}" for each in envmgr("host-profile", "show", "gpu", "--json").json["virtual_packages"]),
    ]
    envmgr.write("environment.yml", environment_file(channel, "torch", more="host_profile: gpu\n"))
    envmgr.ok("create", "-f", "environment.yml", "-q")
    assert builds(envmgr, "science")["torch"] == "cuda12_1"
    lock = (envmgr.directory / "environment.conda-lock.yml").read_text()
    assert '"host_profile":"gpu"' in lock.replace('\\"', '"').replace(" ", "")
    assert "up to date" in envmgr.ok("create", "-f", "environment.yml")
    envmgr.ok("install", "-n", "science", "simple", "-q")
    assert builds(envmgr, "science")["simple"] == "cuda_1"
    (envmgr.directory / "host-profiles/gpu.yaml").unlink()
    envmgr.ok("install", "-n", "science", "numpy", "-q")  # the lock has what the machine was
    assert builds(envmgr, "science")["torch"] == "cuda12_1"


def test_another_profile_of_the_same_name_makes_the_lock_stale(on_gpu_node: Envmgr, channel: LocalChannel) -> None:
    envmgr = on_gpu_node
    envmgr.write("environment.yml", environment_file(channel, "torch"))
    envmgr.ok("create", "-f", "environment.yml", "--host-profile", "gpu", "-q")
    assert envmgr("lock", "-f", "environment.yml", "--host-profile", "gpu", "--check", "-q").code == 0
    envmgr.ok("host-profile", "capture", "gpu", "-q", "--yes", CONDA_OVERRIDE_CUDA="13.1", CONDA_OVERRIDE_GLIBC="2.28")
    done = envmgr("lock", "-f", "environment.yml", "--host-profile", "gpu", "--check")
    assert (done.code, "__cuda: 12.8" in done.out + done.err) == (1, True), done


def test_profiles_are_found_nearest_first_and_listed(on_gpu_node: Envmgr) -> None:
    envmgr = on_gpu_node
    envmgr.ok("host-profile", "capture", "gpu", "--user", "-q", CONDA_OVERRIDE_CUDA="11.8")
    envmgr.ok("host-profile", "capture", "old", "--user", "-q", CONDA_OVERRIDE_CUDA="11.8")
    rows = [line.split()[:2] for line in envmgr.ok("host-profile", "list").splitlines()[1:]]
    assert rows == [["gpu", "12.8"], ["old", "11.8"]]
    done = envmgr("host-profile", "capture", "gpu", CONDA_OVERRIDE_CUDA="11.8")
    assert (done.code, "exists and says something else" in done.err) == (2, True)
    done = envmgr("create", "-n", "x", "tool", "--host-profile", "gpo")
    assert (done.code, "did you mean `gpu`?" in done.err) == (1, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "expected keys and values, found list"),
        ("schema: 2\n", "expected schema 1, found 2"),
        ("schema: 1\nplatform: linux-64\nvirtual_packages: {}\n", "is no list of texts"),
        ("schema: 1\nplatform: linux-64\nvirtual_packages: [cuda=1]\n", "found no such name"),
        ("schema: 1\nplatform: linux\nvirtual_packages: []\n", "linux"),
        ("schema: 1\nplatform: linux-64\nvirtual_packages: []\nextra: 1\n", "unknown key `extra`"),
        ("a: &a [x]\nb: [*a, *a]\n", "YAML aliases"),
        ("a: [", "cannot be read as YAML"),
    ],
)
def test_a_profile_that_is_none_is_one_error(envmgr: Envmgr, text: str, message: str) -> None:
    envmgr.write("p.yaml", text)
    done = envmgr("create", "-n", "x", "tool", "--host-profile", "p.yaml")
    assert done.code in (1, 2)
    assert message in done.err
    assert "Traceback" not in done.err


def test_gpu_has_one_value(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool", more="gpu: please\n"))
    done = envmgr("create", "-f", "environment.yml")
    assert (done.code, "environment.yml:6: gpu: expected `required`, found `please`" in done.err) == (1, True)


def test_a_name_that_leads_elsewhere_is_none(envmgr: Envmgr, tmp_path: Path) -> None:
    assert envmgr("host-profile", "capture", "../x").code == 2
    assert not (tmp_path / "x.yaml").exists()


def test_run_says_once_that_a_gpu_build_meets_no_gpu(envmgr: Envmgr, channel: LocalChannel) -> None:
    gpu = {"CONDA_OVERRIDE_CUDA": "12.8"}
    envmgr.ok("create", "-n", "science", "-c", channel.url, "torch", "-q", **gpu)
    envmgr.ok("create", "-n", "plain", "-c", channel.url, "tool", "-q")
    without = {"CONDA_OVERRIDE_CUDA": ""}
    done = envmgr.process("run", "-n", "science", "true", **gpu)
    assert (done.code, done.err) == (0, "")
    old = envmgr.process("run", "-n", "science", "true", CONDA_OVERRIDE_CUDA="11.4")
    assert (old.code, old.err.count("this machine has __cuda 11.4: cuda-version (__cuda >=12)")) == (0, 1)
    assert envmgr.process("run", "-n", "science", "true", CONDA_OVERRIDE_CUDA="11.4").err == ""
    done = envmgr.process("run", "-n", "science", "true", **without)
    assert (done.code, done.err.count("shows no NVIDIA driver: cuda-version (__cuda >=12), torch (__cuda)")) == (0, 1)
    for name in ("science", "plain"):
        done = envmgr.process("run", "-n", name, "true", **without)
        assert (done.code, done.err) == (0, "")
    assert envmgr("verify", "-n", "science").code == 0
    envmgr.ok("install", "-n", "science", "numpy", "-q", **gpu)  # another generation
    assert "shows no NVIDIA driver" in envmgr.process("run", "-n", "science", "true", **without).err
