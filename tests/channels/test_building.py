from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rattler import Subdir

from builders.recipes import CountingReporter, RecipeChannel, read_conda
from builders.wheels import Wheel
from envmgr.channels.building import build
from envmgr.channels.built import is_current
from envmgr.channels.model import Channel
from envmgr.errors import ChannelError
from envmgr.settings import Settings

BUILD = """
import sys
from pathlib import Path
from envmgr.channels.building import build
from envmgr.channels.model import Channel
from envmgr.reporting import SilentReporter
from envmgr.settings import Settings
import os
url, recipes = sys.argv[1:]
channel = Channel(name="ours", url=url, recipes=Path(recipes))
report = build(channel, settings=Settings.load(), reporter=SilentReporter())
print(len(report.built), flush=True)
os._exit(0)
"""


@pytest.fixture
def ours(tmp_path: Path, settings: Settings) -> RecipeChannel:
    return RecipeChannel(tmp_path, settings)


def start(ours: RecipeChannel) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, ours.channel.url, str(ours.recipes)],
        env=dict(ours.settings.environ),
        stdout=subprocess.PIPE,
        text=True,
    )


def assert_whole(channel: Path) -> None:
    """Every artifact that the index names is there, with the promised hash."""
    for index in channel.glob("*/repodata.json"):
        for name, record in json.loads(index.read_text())["packages.conda"].items():
            data = (index.parent / name).read_bytes()
            assert hashlib.sha256(data).hexdigest() == record["sha256"]


def test_everything_in_the_recipes_is_built_and_indexed(ours: RecipeChannel) -> None:
    ours.add("one")
    ours.add("two", "package: {name: two, version: '2.0'}\nextra: {payload: []}\n")
    report = ours.build()
    assert sorted(item.recipe for item in report.built) == ["one", "two"]
    assert report.kept == ()
    assert ours.record("one")["version"] == "1.0"
    assert ours.record("one")["license"] == "MIT"
    assert ours.record("two", subdir=_platform())["subdir"] == _platform()
    for subdir in ("noarch", _platform()):
        assert (ours.path / subdir / "repodata.json.zst").is_file()
        assert (ours.path / subdir / "repodata_shards.msgpack.zst").is_file()
    assert_whole(ours.path)


def test_what_the_recipe_says_stands_in_the_record(ours: RecipeChannel) -> None:
    ours.add(
        "rich",
        "context: {version: '1.5'}\n"
        "package: {name: rich, version: '${{ version }}'}\n"
        "build: {number: 3, noarch: python, python: {entry_points: ['rich = rich:main']},\n"
        "        variant: {down_prioritize_variant: 2}}\n"
        "requirements:\n"
        "  run: [python >=3.10, {if: unix, then: '__unix'}]\n"
        "  run_constraints: [poor <1]\n"
        "  run_exports: [rich >=1.5]\n"
        "about: {license: MIT, summary: A summary, homepage: 'https://rich.example', license_file: COPYING}\n"
        "extra: {payload: []}\n",
        {"COPYING": "do as you like\n"},
    )
    ours.build()
    record = ours.record("rich")
    assert record["depends"] == ["python >=3.10", "__unix"]
    assert record["constrains"] == ["poor <1"]
    assert record["build_number"] == 3
    assert record["track_features"] == "rich-p-0 rich-p-1"
    assert record["noarch"] == "python"
    members = read_conda(ours.artifact("rich"))
    assert json.loads(members["info/link.json"])["noarch"]["entry_points"] == ["rich = rich:main"]
    assert json.loads(members["info/run_exports.json"]) == {"weak": ["rich >=1.5"]}
    assert json.loads(members["info/about.json"])["home"] == "https://rich.example/"
    assert members["info/licenses/COPYING"] == b"do as you like\n"
    assert b"down_prioritize_variant" in members["info/recipe/recipe.yaml"]


def test_placeholders_are_recorded_for_text_and_binary_files(ours: RecipeChannel) -> None:
    ours.add("both", files={"prefix/bin/text": "#!@PREFIX@/bin/sh\n", "prefix/share/binary": b"\0@PREFIX@\0"})
    ours.build()
    members = read_conda(ours.artifact("both"))
    modes = {entry["_path"]: entry.get("file_mode") for entry in json.loads(members["info/paths.json"])["paths"]}
    assert modes == {"bin/text": "text", "share/binary": "binary"}
    assert b"@PREFIX@" not in members["bin/text"] + members["share/binary"]


def test_a_built_channel_is_current_until_something_changes(ours: RecipeChannel) -> None:
    recipe = ours.add("one")
    assert not is_current(ours.channel, ours.settings)
    ours.build()
    assert is_current(ours.channel, ours.settings)
    (recipe / "prefix" / "share" / "more.txt").write_text("more")
    assert not is_current(ours.channel, ours.settings)


def test_asking_whether_a_channel_is_current_imports_no_engine(ours: RecipeChannel) -> None:
    code = (
        "import sys, envmgr.channels.built as b\n"
        "from envmgr.channels.model import Channel\n"
        "from envmgr.settings import Settings\n"
        "from pathlib import Path\n"
        "b.is_current(Channel(name='x', url=sys.argv[1], recipes=Path(sys.argv[2])), Settings.load())\n"
        "heavy = {'rattler', 'rattler_build', 'yaml', 'asyncio', 'requests'}\n"
        "print(*heavy & set(sys.modules))\n"
    )
    command = [sys.executable, "-c", code, ours.channel.url, str(ours.recipes)]
    result = subprocess.run(command, env=dict(ours.settings.environ), capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


def test_a_recipe_that_was_only_touched_is_kept(ours: RecipeChannel) -> None:
    recipe = ours.add("one")
    ours.build()
    os.utime(recipe / "recipe.yaml", (1, 1))
    assert not is_current(ours.channel, ours.settings)
    report = ours.build()
    assert report.built == ()
    assert len(report.kept) == 1
    assert is_current(ours.channel, ours.settings)


def test_only_what_changed_is_built_again(ours: RecipeChannel) -> None:
    ours.add("one")
    two = ours.add("two")
    ours.build()
    before = ours.record("one")
    (two / "prefix/share/two.txt").write_text("changed\n")
    report = ours.build()
    assert [item.recipe for item in report.built] == ["two"]
    assert [path.split("/")[1].split("-")[0] for path in report.kept] == ["one"]
    assert ours.record("one")["sha256"] == before["sha256"]
    assert_whole(ours.path)


def test_changed_contents_get_another_file_name_and_the_old_file_stays_outside_the_index(ours: RecipeChannel) -> None:
    one = ours.add("one")
    ours.build()
    old = ours.artifact("one").name
    (one / "prefix/share/one.txt").write_text("changed\n")
    ours.build()
    assert list(ours.index()) != [old]
    assert len(ours.index()) == 1
    assert (ours.path / "noarch" / old).is_file()


def test_going_back_to_an_earlier_recipe_builds_nothing(ours: RecipeChannel) -> None:
    one = ours.add("one")
    ours.build()
    first = list(ours.index())
    (one / "prefix/share/one.txt").write_text("changed\n")
    ours.build()
    (one / "prefix/share/one.txt").write_text("this is one\n")
    assert ours.build().built == ()
    assert list(ours.index()) == first
    assert_whole(ours.path)


def test_few_superseded_files_stay(ours: RecipeChannel) -> None:
    one = ours.add("one")
    for number in range(7):
        (one / "prefix/share/one.txt").write_text(f"{number}\n")
        ours.build()
    assert len(list(ours.path.glob("noarch/*.conda"))) == 4


def test_a_removed_recipe_leaves_the_index(ours: RecipeChannel) -> None:
    ours.add("one")
    two = ours.add("two")
    ours.build()
    (two / "recipe.yaml").unlink()
    ours.build()
    assert [record["name"] for record in ours.index().values()] == ["one"]


def test_a_removed_artifact_is_built_again(ours: RecipeChannel) -> None:
    one = ours.add("one")
    ours.build()
    ours.artifact("one").unlink()
    os.utime(one / "recipe.yaml", (1, 1))
    assert [item.recipe for item in ours.build().built] == ["one"]
    assert_whole(ours.path)


def test_same_input_same_bytes(tmp_path: Path, settings: Settings) -> None:
    digests = []
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        ours = RecipeChannel(tmp_path / place, settings._replace(cache=tmp_path / place / "cache"))
        ours.add("one", files={"prefix/bin/x": "@PREFIX@", "prefix/etc/y": "y" * 100_000})
        ours.build()
        digests.append(hashlib.sha256(ours.artifact("one").read_bytes()).hexdigest())
    assert digests[0] == digests[1]


def test_only_the_named_recipes_are_built(ours: RecipeChannel) -> None:
    ours.add("one")
    ours.add("two")
    assert [item.recipe for item in ours.build(only=["two"]).built] == ["two"]
    assert not is_current(ours.channel, ours.settings)
    assert [item.recipe for item in ours.build().built] == ["one"]
    assert is_current(ours.channel, ours.settings)


def test_naming_a_recipe_that_does_not_exist_lists_those_that_do(ours: RecipeChannel) -> None:
    ours.add("one")
    with pytest.raises(ChannelError, match="no recipe `tow`") as caught:
        ours.build(only=["tow"])
    assert caught.value.hint == "its recipes are one"


def test_progress_counts_the_recipes_to_build(ours: RecipeChannel) -> None:
    ours.add("one")
    ours.add("two")
    reporter = CountingReporter()
    build(ours.channel, settings=ours.settings, reporter=reporter)
    assert reporter.phases == [("build", "channel ours", 2)]


def test_a_directory_without_recipes_is_told_what_one_is(ours: RecipeChannel) -> None:
    with pytest.raises(ChannelError, match="there is no recipe in") as caught:
        ours.build()
    assert "recipe.yaml" in str(caught.value.hint)


def test_a_missing_directory_of_recipes_is_named(tmp_path: Path, settings: Settings) -> None:
    url = (settings.cache / "channels" / "0123456789ab" / "x").as_uri()
    channel = Channel(name="ours", url=url, recipes=tmp_path / "nowhere")
    with pytest.raises(ChannelError, match="nowhere"):
        build(channel, settings=settings, reporter=CountingReporter())


def test_nothing_is_written_outside_the_cache(tmp_path: Path, settings: Settings) -> None:
    channel = Channel(name="ours", url=(tmp_path / "elsewhere").as_uri(), recipes=tmp_path)
    with pytest.raises(ChannelError, match="not built from recipes"):
        build(channel, settings=settings, reporter=CountingReporter())


def test_what_can_be_built_is_published_though_another_recipe_fails(ours: RecipeChannel) -> None:
    ours.add("good")
    ours.add("bad", "package: {name: bad, version: '1'}\nabout: {licence: MIT}\nextra: {payload: []}\n")
    ours.add("worse", "package: {name: worse, version: '1'}\n")
    with pytest.raises(ChannelError) as caught:
        ours.build()
    assert "bad/recipe.yaml line 2" in caught.value.message
    assert "worse/recipe.yaml line 1" in caught.value.message
    assert [record["name"] for record in ours.index().values()] == ["good"]
    assert not is_current(ours.channel, ours.settings)


def test_a_recipe_that_broke_keeps_what_it_yielded_before(ours: RecipeChannel) -> None:
    broken = ours.add("broken")
    ours.add("good")
    ours.build()
    before = ours.record("broken")
    (broken / "recipe.yaml").write_text("package: {name: broken, version: '2'}\n")
    with pytest.raises(ChannelError, match=r"broken/recipe\.yaml line 1"):
        ours.build()
    assert ours.record("broken")["sha256"] == before["sha256"]
    assert not is_current(ours.channel, ours.settings)
    ours.add("broken")
    assert ours.build().built == ()
    assert is_current(ours.channel, ours.settings)
    assert_whole(ours.path)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("{links: {info/index.json: x}}", "`info`"),
        ("{links: {lib/a: /etc/passwd}}", "outside the prefix"),
        ("{links: {lib/a: ../../x}}", "outside the prefix"),
        ("{links: {../a: x}}", "not a path inside the prefix"),
        ("[{links: {lib/a: x}}, {links: {lib/a: y}}]", "packed twice"),
        ("[{links: {lib/a: x}}, {links: {lib/a/b: y}}]", "as a file and as a directory"),
    ],
)
def test_a_payload_that_leaves_its_prefix_is_refused(ours: RecipeChannel, payload: str, reason: str) -> None:
    ours.add("evil", f"package: {{name: evil, version: '1'}}\nextra: {{payload: {payload}}}\n")
    with pytest.raises(ChannelError, match=re.escape(reason)):
        ours.build()
    assert list(ours.path.glob("*/*.conda")) == []


def test_two_recipes_of_one_artifact_are_refused(ours: RecipeChannel) -> None:
    recipe = "package: {name: same, version: '1'}\nbuild: {string: x, noarch: generic}\nextra: {payload: []}\n"
    ours.add("a", recipe)
    ours.add("b", recipe)
    with pytest.raises(ChannelError, match="another recipe yields noarch/same-1-x"):
        ours.build()


def test_two_processes_build_once(ours: RecipeChannel) -> None:
    for number in range(3):
        ours.add(f"package{number}")
    processes = [start(ours) for _ in range(3)]
    built = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(built) == [0, 0, 3]
    assert_whole(ours.path)


@pytest.mark.slow
def test_a_build_killed_at_any_time_leaves_the_old_channel_or_the_new_one(ours: RecipeChannel) -> None:
    one = ours.add("one", files={"prefix/share/one.txt": "0"})
    ours.build()
    for number in range(12):
        (one / "prefix/share/one.txt").write_bytes(os.urandom(3_000_000))
        process = start(ours)
        time.sleep(0.25 + 0.03 * number)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert len(ours.index()) == 1
        assert_whole(ours.path)
    ours.build()
    assert is_current(ours.channel, ours.settings)
    assert_whole(ours.path)
    assert len(list(ours.path.with_name(f"{ours.path.name}.d").iterdir())) == 1


def _platform() -> str:
    return str(Subdir.current())


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    pytest.importorskip("pip", reason="pip is not in this environment, and fetching it needs an index")
    directory = tmp_path / "wheels"
    directory.mkdir()
    return directory


@pytest.fixture
def offline(tmp_path: Path, settings: Settings, wheels: Path) -> RecipeChannel:
    environ = {**settings.environ, "PIP_FIND_LINKS": wheels.as_uri(), "PIP_CONFIG_FILE": os.devnull}
    return RecipeChannel(tmp_path, settings._replace(offline=True, environ=environ))


NOARCH = (
    "package: {name: demo, version: '1.0'}\nbuild: {noarch: python}\nrequirements: {run: [python]}\n"
    "extra: {payload: {wheel: demo ==1.0}}\n"
)


def test_a_wheel_is_installed_as_pip_would(offline: RecipeChannel, wheels: Path) -> None:
    Wheel(name="demo", scripts=["demo = demo:main"], data={"scripts/tool": "#!python\nprint(1)\n"}).write(wheels)
    offline.add("demo", NOARCH.replace("build: {noarch: python}\n", ""))
    offline.build()
    members = read_conda(offline.artifact("demo", _platform()))
    library = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    assert members[f"{library}/demo-1.0.dist-info/INSTALLER"] == b"conda\n"
    assert re.match(rb"#!/opt/envmgr_placehold\S+/bin/python\n", members["bin/demo"])
    assert re.match(rb"#!/opt/envmgr_placehold\S+/bin/python\n", members["bin/tool"])
    record = members[f"{library}/demo-1.0.dist-info/RECORD"].decode()
    assert "../../../bin/demo,,\n" in record
    digest = re.search(r"demo/__init__.py,sha256=(\S+),(\d+)", record)
    assert digest is not None
    assert int(digest[2]) == len(members[f"{library}/demo/__init__.py"])
    listed = {line.split(",")[0] for line in record.splitlines()}
    installed = {os.path.relpath(name, library) for name in members if not name.startswith("info/")}
    assert listed == installed


def test_a_noarch_wheel_leaves_scripts_to_the_installer(offline: RecipeChannel, wheels: Path) -> None:
    Wheel(name="demo", scripts=["demo = demo:main"], data={"scripts/tool": "#!python\n"}).write(wheels)
    offline.add("demo", NOARCH)
    offline.build()
    members = read_conda(offline.artifact("demo"))
    assert "site-packages/demo/__init__.py" in members
    assert "python-scripts/tool" in members
    assert json.loads(members["info/link.json"])["noarch"]["entry_points"] == ["demo = demo:main"]
    record = members["site-packages/demo-1.0.dist-info/RECORD"].decode()
    assert "../../../bin/demo,," in record
    assert "../../../bin/tool,," in record


def test_a_fetched_wheel_is_not_fetched_again(offline: RecipeChannel, wheels: Path) -> None:
    path = Wheel(name="demo").write(wheels)
    offline.add("demo", NOARCH)
    offline.build()
    path.unlink()
    offline.add("demo", NOARCH + "about: {license: MIT}\n")
    assert len(offline.build().built) == 1


def test_parts_of_a_wheel_go_where_the_recipe_says(offline: RecipeChannel, wheels: Path) -> None:
    Wheel(name="demo", files={"demo/lib/a.so": "a", "demo/lib/b.txt": "b", "demo/c": "c"}).write(wheels)
    payload = "{wheel: demo, from: demo/lib, into: lib/deep, include: ['*.so']}"
    offline.add("demo", f"package: {{name: demo, version: '7'}}\nextra: {{payload: {payload}}}\n")
    offline.build()
    members = read_conda(offline.artifact("demo", _platform()))
    assert [name for name in members if not name.startswith("info/")] == ["lib/deep/a.so"]


def test_a_wheel_of_another_version_than_the_recipe_is_refused(offline: RecipeChannel, wheels: Path) -> None:
    Wheel(name="demo", version="1.1").write(wheels)
    offline.add("demo", NOARCH.replace("demo ==1.0", "demo"))
    with pytest.raises(ChannelError, match=r"recipe says version 1\.0, the wheel is demo 1\.1"):
        offline.build()


def test_a_wheel_that_cannot_be_had_names_recipe_payload_and_what_pip_said(
    offline: RecipeChannel, wheels: Path
) -> None:
    Wheel(name="demo").write(wheels)
    offline.add("demo", NOARCH)
    offline.add("absent", NOARCH.replace("demo", "absent-project"))
    offline.add("plain")
    with pytest.raises(ChannelError) as caught:
        offline.build()
    assert "absent/recipe.yaml" in caught.value.message
    assert "absent-project" in caught.value.message
    assert "No matching distribution" in caught.value.message
    assert sorted(record["name"] for record in offline.index().values()) == ["demo", "plain"]


@pytest.mark.parametrize("member", ["../outside.py", "demo/../../x", "/etc/x", "demo\\..\\x"])
def test_a_wheel_that_leaves_its_root_is_refused(offline: RecipeChannel, wheels: Path, member: str) -> None:
    Wheel(name="demo", files={member: "evil"}).write(wheels)
    offline.add("demo", NOARCH)
    with pytest.raises(ChannelError, match="outside the prefix"):
        offline.build()


def test_a_truncated_wheel_is_refused(offline: RecipeChannel, wheels: Path) -> None:
    path = Wheel(name="demo").write(wheels)
    offline.add("demo", NOARCH)
    offline.build()
    kept = next(offline.settings.cache.glob("payloads/*/*.whl"))
    kept.write_bytes(path.read_bytes()[:200])
    offline.add("demo", NOARCH + "about: {license: MIT}\n")
    with pytest.raises(ChannelError, match="cannot be read as a wheel"):
        offline.build()
