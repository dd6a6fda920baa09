"""CEP 37: what is written is read back, byte for byte, and what was changed by hand is found."""

from __future__ import annotations

import difflib
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from envmgr.errors import LockError, LockTampered
from envmgr.lock import conda_lock
from envmgr.lock.model import CondaPackage, Lock, PipPackage, Request

CHANNEL = "https://conda.example/lab"


def conda(name: str, **overrides: Any) -> CondaPackage:
    values: dict[str, Any] = {
        "name": name,
        "version": "1.0",
        "build": "h0_0",
        "build_number": 0,
        "subdir": "linux-64",
        "channel": CHANNEL,
        "url": f"{CHANNEL}/linux-64/{name}-1.0-h0_0.conda",
        "filename": f"{name}-1.0-h0_0.conda",
        "sha256": "a" * 64,
        "md5": "b" * 32,
    }
    return CondaPackage(**values | overrides)


def pip(name: str, **overrides: Any) -> PipPackage:
    filename = f"{name}-2.0-py3-none-any.whl"
    values: dict[str, Any] = {
        "name": name,
        "version": "2.0",
        "url": f"https://files.example/{filename}",
        "filename": filename,
        "sha256": "c" * 64,
    }
    return PipPackage(**values | overrides)


def lock(**overrides: Any) -> Lock:
    values: dict[str, Any] = {
        "platform": "linux-64",
        "conda": (conda("python", size=9, depends=("libffi >=3", "libffi <4"), requested=("python 3.12.*",)),),
        "pip": (pip("rich", requires=("markdown-it-py[a]>=2.2",), requested=("rich",)),),
        "channels": (CHANNEL,),
        "virtual_packages": ("__glibc=2.36=0",),
        "request": Request(channels=("lab",), dependencies=("python 3.12.*",), variables=(("A", "b"),)),
        "sources": ("environment.yml",),
    }
    return Lock(**values | overrides)


text = st.text(min_size=1, max_size=12)
words = st.tuples(text) | st.just(()) | st.tuples(text, text)
conda_packages = st.builds(
    conda,
    st.from_regex(r"[a-z_][a-z0-9_.-]{0,12}", fullmatch=True),
    build_number=st.integers(0, 9),
    size=st.none() | st.integers(0, 2**40),
    timestamp=st.none() | st.integers(0, 2**43),
    depends=words,
    constrains=words,
    noarch=st.sampled_from([None, "python", "generic"]),
    license=st.none() | text,
    track_features=words,
    requested=words,
    distributions=words,
    other=st.just("") | text,
)


@given(st.lists(conda_packages, max_size=4, unique_by=lambda package: package.name))
def test_reading_gives_what_was_written(packages: list[CondaPackage]) -> None:
    written = lock(conda=tuple(packages))
    data = conda_lock.dumps_json(written)
    (read,) = conda_lock.loads(data, source="x").values()
    assert read == written
    assert conda_lock.dumps_json(read) == data


def test_the_json_form_is_yaml_with_the_same_meaning() -> None:
    data = conda_lock.dumps_json(lock())
    assert yaml.safe_load(data) == json.loads(data)


def test_every_key_is_one_that_cep_37_knows() -> None:
    document = conda_lock.to_document([lock()])
    assert set(document) == {"version", "metadata", "package"}
    assert set(document["metadata"]) <= {
        "content_hash", "channels", "platforms", "sources", "time_metadata", "git_metadata", "inputs_metadata",
        "custom_metadata",
    }  # fmt: skip
    for value in document["metadata"]["custom_metadata"].values():
        assert isinstance(value, str)
    required = {"name", "version", "manager", "platform", "url", "hash", "optional"}
    optional = {"dependencies", "source", "build", "category"}
    for entry in document["package"]:
        assert required <= set(entry) <= required | optional
        assert set(entry["hash"]) <= {"md5", "sha256"}


def test_it_says_who_wrote_it_without_a_version() -> None:
    # conda-lockfiles, conda's own reader of locks, refuses custom metadata without it.
    assert conda_lock.to_document([lock()])["metadata"]["custom_metadata"]["created_by"] == "envmgr"


def test_a_lock_from_the_command_line_has_a_source_too() -> None:
    written = lock(sources=())
    assert conda_lock.to_document([written])["metadata"]["sources"]
    assert conda_lock.loads(conda_lock.dumps_json(written), source="x") == {"linux-64": written}


def test_platforms_share_one_document() -> None:
    both = [lock(), lock(platform="osx-arm64", conda=(conda("python", subdir="osx-arm64"),), pip=())]
    data = json.dumps(conda_lock.to_document(both)).encode()
    assert conda_lock.loads(data, source="x") == {one.platform: one for one in both}


def test_block_yaml_is_read_back_and_depends_on_the_locks_alone() -> None:
    both = [lock(), lock(platform="osx-arm64", conda=(conda("python", subdir="osx-arm64"),), pip=())]
    data = conda_lock.dumps_yaml(both)
    read = conda_lock.loads(data, source="x", sealed=True)
    assert read == {one.platform: one for one in both}
    assert conda_lock.dumps_yaml(reversed(list(read.values()))) == data
    assert yaml.safe_load(data) == conda_lock.to_document(both)


def test_a_moved_package_moves_its_own_lines_only() -> None:
    packages = tuple(conda(name) for name in ("a", "b", "c"))
    moved = (packages[0], conda("b", version="1.1", sha256="e" * 64), packages[2])
    before, after = (conda_lock.dumps_yaml([lock(conda=each)]).decode().splitlines() for each in (packages, moved))
    changed = [line for line in difflib.ndiff(before, after) if line.startswith(("+ ", "- "))]
    # version, hash, seal and the content hash, each gone and come
    assert len(changed) == 8


def _everywhere(url: str) -> Lock:
    """Return a lock with `url` in every place that a URL can get into."""
    spec = f"{url}::python 3.12.*"
    return lock(
        conda=(
            conda(
                "a", url=f"{url}/linux-64/a-1.0-h0_0.conda", channel=url, requested=(spec,), depends=(spec,),
                constrains=(spec,), other=json.dumps({"download": url}),
            ),
        ),
        pip=(
            pip(
                "b", url=f"{url}/b-2.0-py3-none-any.whl", index_url=f"{url}/simple", requires=(f"c @ {url}/c.whl",),
                requested=(f"b @ {url}/b.whl",),
            ),
        ),
        channels=(url,),
        request=Request(channels=(url,), dependencies=(spec,), pip=(f"b @ {url}/b.whl",)),
    )  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@h.example/lab",
        "https://hunter2@h.example/lab",
        "https://user:p@hunter2@h.example/lab",
        "https://h.example/t/hunter2/lab",
        "https://user:hunter2@h.example/t/hunter2/lab",
        "https://h.example/lab?token=hunter2",
        "https://h.example/lab?a=b&X-Amz-Signature=hunter2",
        "s3://hunter2@bucket/lab",
    ],
)
def test_no_form_of_credentials_is_written_to_any_place(url: str) -> None:
    locked = _everywhere(url)
    assert "hunter2" not in conda_lock.dumps_yaml([locked]).decode()
    assert "hunter2" not in conda_lock.dumps_json(locked).decode()


def test_variables_that_stand_for_credentials_stay_in_what_was_asked_for() -> None:
    written = _everywhere("https://${USER}:${TOKEN}@h.example/t/${TOKEN}/lab")
    (read,) = conda_lock.loads(conda_lock.dumps_yaml([written]), source="x").values()
    assert read.request == written.request
    assert "${TOKEN}" not in read.conda[0].url


def test_credentials_are_never_written() -> None:
    secret = "hunter2"
    locked = lock(
        conda=(
            conda("a", url=f"https://u:{secret}@h.example/c/linux-64/a-1.0-h0_0.conda", channel=f"https://h.example/t/{secret}/c"),
        ),
        pip=(pip("b", url=f"https://t:{secret}@files.example/b-2.0-py3-none-any.whl", index_url=f"https://{secret}@i.example/simple"),),
        channels=(f"https://h.example/t/{secret}/c",),
    )  # fmt: skip
    assert secret not in conda_lock.dumps_json(locked).decode()


def test_an_edited_url_is_found() -> None:
    data = conda_lock.dumps_json(lock()).replace(b"files.example", b"evil.example")
    with pytest.raises(LockTampered, match="content_hash differs"):
        conda_lock.loads(data, source="env.yml")


def test_a_lost_entry_is_found() -> None:
    document = conda_lock.to_document([lock()])
    document["package"].pop()
    with pytest.raises(LockTampered, match="content_hash differs"):
        conda_lock.loads(json.dumps(document).encode(), source="env.yml")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[]", "expected keys, found list"),
        (b"{}", "expected `metadata` and `package`"),
        (b"a: [", "is not YAML"),
        (b'{"version": 2, "metadata": {}, "package": []}', "version 2 is not known"),
        (b'{"metadata": {"platforms": ["linux-64"]}, "package": [{}]}', "malformed"),
        (b'{"metadata": {"custom_metadata": {"envmgr": "{\\"schema\\": 99}"}}, "package": []}', "newer envmgr"),
        (b'{"metadata": {"custom_metadata": {"envmgr": "["}}, "package": []}', "is not JSON"),
    ],
)
def test_what_is_not_a_lock_is_refused_by_name(data: bytes, message: str) -> None:
    with pytest.raises(LockError, match=message) as caught:
        conda_lock.loads(data, source="some.conda-lock.yml")
    assert "some.conda-lock.yml" in caught.value.message


ODDITIES: tuple[Any, ...] = (None, -1, 1.5, True, [], {}, "x", [[]], {"a": []}, 10**30)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in below for place in _places(each, (*path, key)))]


def _changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = document.copy()
    copy[path[0]] = _changed(document[path[0]], path[1:], value)
    return copy


def _packages(found: Lock) -> list[CondaPackage | PipPackage]:
    return [*found.conda, *found.pip]


def _is_well_typed(package: CondaPackage | PipPackage) -> bool:
    texts = [package.name, package.version, package.url, package.filename, package.sha256, *package.requested]
    return all(isinstance(text, str) for text in texts) and isinstance(package.size, (int, type(None)))


@pytest.mark.parametrize("oddity", ODDITIES)
def test_an_odd_value_anywhere_is_one_error_or_harmless(oddity: Any) -> None:
    document = conda_lock.to_document([lock()])
    for place in _places(document):
        data = json.dumps(_changed(document, place, oddity)).encode()
        try:
            found = conda_lock.loads(data, source="the lock")
        except LockError:
            continue
        for each in found.values():
            assert all(_is_well_typed(package) for package in _packages(each)), place
            conda_lock.digest(each)


@pytest.mark.parametrize("oddity", ODDITIES)
def test_an_odd_value_in_our_extras_is_one_error_or_harmless(oddity: Any) -> None:
    document = conda_lock.to_document([lock()])
    custom = document["metadata"]["custom_metadata"]
    for key, text in custom.items():
        if key == "created_by":
            continue
        for place in _places(json.loads(text)):
            changed = custom | {key: json.dumps(_changed(json.loads(text), place, oddity))}
            data = json.dumps(document | {"metadata": document["metadata"] | {"custom_metadata": changed}}).encode()
            try:
                found = conda_lock.loads(data, source="the lock")
            except LockError:
                continue
            for each in found.values():
                assert all(_is_well_typed(package) for package in _packages(each)), place
                assert all(isinstance(name, str) and isinstance(text, str) for name, text in each.request.variables)
                conda_lock.digest(each)


@pytest.mark.parametrize(
    "data",
    [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000, b"a: 2001-99-99", b"? [a, b]\n: c", b'{"version": 1e999}',
     b"a: &a [*a, *a]\n", b"\xff\xfe", b"!!python/object:os.system x"],
)  # fmt: skip
def test_what_no_parser_survives_is_one_error(data: bytes) -> None:
    with pytest.raises(LockError, match="the lock"):
        conda_lock.loads(data, source="the lock")


def test_the_digest_ignores_what_only_describes() -> None:
    assert conda_lock.digest(lock()) == conda_lock.digest(lock(solver="other 1", spec_digest="x", sources=()))


@pytest.mark.parametrize(
    "change",
    [
        {"conda": (conda("python", sha256="d" * 64),)},
        {"pip": ()},
        {"request": Request(variables=(("A", "c"),))},
        {"platform": "osx-64"},
    ],
)
def test_the_digest_follows_what_is_realised(change: dict[str, Any]) -> None:
    assert conda_lock.digest(lock()) != conda_lock.digest(lock(**change))


def test_half_characters_are_refused() -> None:
    data = conda_lock.dumps_yaml([lock(solver="mine")]).replace(b'"mine"', b'"\\ud800"')
    with pytest.raises(LockTampered, match="text that is none"):
        conda_lock.loads(data, source="x")
