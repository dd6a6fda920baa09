"""The switch itself, on whatever file system the test runs, on tmpfs, and on a real overlay."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from envmgr.store.exchange import exchange, probe

ROOT = Path(__file__).resolve().parents[2]

# Run inside a mount namespace of its own: argv[1] is an empty directory.
IN_NAMESPACE = """
import os, sys
from pathlib import Path
base = Path(sys.argv[1])
assert os.system(f"mount -t tmpfs none '{base}'") == 0
"""


def in_mount_namespace(tmp_path: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run Python code with `base`, a tmpfs, in a mount namespace; skip where that is not allowed."""
    base = tmp_path / "mounted"
    base.mkdir()
    command = ["unshare", "-m", sys.executable, "-c", IN_NAMESPACE]
    try:
        allowed = subprocess.run([*command, str(base)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no `unshare` here: the file systems cannot be mounted")
    if allowed.returncode != 0:
        pytest.skip(f"mounting is not allowed here: {allowed.stderr.strip()[-200:]}")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    return subprocess.run(
        [*command[:-1], IN_NAMESPACE + script, str(base)], capture_output=True, text=True, check=False, env=environment
    )


def test_exchange_swaps_two_directories(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if probe(tmp_path) != "exchange":
        pytest.skip(f"the file system of {tmp_path} cannot exchange")
    exchange(tmp_path / "one", tmp_path / "other")
    assert os.listdir(tmp_path / "one") == ["other"]
    assert os.listdir(tmp_path / "other") == ["one"]


def test_exchange_with_nothing_is_an_error_of_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with pytest.raises(OSError) as caught:  # noqa: PT011 # the number is what matters
        exchange(tmp_path / "one", tmp_path / "none")
    assert caught.value.errno in (errno.ENOENT, errno.EINVAL, errno.ENOSYS)
    assert (tmp_path / "one").is_dir()


def test_probe_leaves_nothing_behind(tmp_path: Path) -> None:
    assert probe(tmp_path) in ("exchange", "symlink")
    assert os.listdir(tmp_path) == []


def test_tmpfs_can_exchange(tmp_path: Path) -> None:
    done = in_mount_namespace(tmp_path, "from envmgr.store.exchange import probe; print(probe(base))")
    assert done.stdout == "exchange\n", done.stderr


CHANGE_IN_LOWER_LAYER = """
for name in ("lower", "upper", "work", "merged"):
    (base / name).mkdir()
from builders.channels import LocalChannel
from builders.packages import Package
from builders.store import Store, faults
from envmgr.settings import Settings
from envmgr.store import removal
channel = LocalChannel(base / "channel").add(
    Package(name="tool", files={"bin/tool": "1", "lib/deep/er/file": "2"}), Package(name="extra", files={"extra": "3"}))
def store_at(layer):
    places = {"HOME": base, "ENVMGR_ROOT": base / layer / "root", "ENVMGR_CACHE": base / layer / "cache"}
    environ = {name: str(place) for name, place in {**places, "ENVMGR_CONFIG": base / "none"}.items()}
    return Store(Settings.load(environ), channel)
# The image: its environment names the merged path, as a container build would have written it.
assert os.system(f"mount --bind '{base}/lower' '{base}/merged'") == 0
store = store_at("merged")
store.create("a", "tool"); store.create("b", "tool")
assert os.system(f"umount '{base}/merged'") == 0
options = f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"
if os.system(f"mount -t overlay overlay -o '{options}' '{base}/merged'") != 0:
    print("no overlay"); os._exit(0)
prefix = store.location("a").prefix
result = store.create("a", "extra")
print(result.generation.switch, faults(prefix, store.lock("extra")), faults(result.kept, store.lock("tool")))
result = store.create("a", "tool")
print(result.generation.switch, faults(prefix, store.lock("tool")), faults(result.kept, store.lock("extra")))
removal.remove(store.location("b"), settings=store.settings, reporter=store.reporter)
print(sorted(os.listdir(prefix.parent)))
print(store.reporter.warnings)
sys.stdout.flush(); os._exit(0)
"""


def test_environment_of_a_lower_container_layer_is_copied_up_and_said_aloud(tmp_path: Path) -> None:
    done = in_mount_namespace(tmp_path, CHANGE_IN_LOWER_LAYER)
    if done.stdout == "no overlay\n":
        pytest.skip("overlay file systems cannot be mounted here")
    first, second, third, said = done.stdout.splitlines() or [done.stderr] * 4
    assert first == "copy [] []", done.stderr
    assert second == "exchange [] []"
    assert third == "['.generations', '.leases', '.staging', 'a']"
    assert "copied" in said
