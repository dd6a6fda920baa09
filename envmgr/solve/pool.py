"""What of the candidates can be in a solution at all, and of that the newest versions.

At conda-forge's size (690,000 records, of which an ordinary request reaches 170,000) libsolv takes 50 s and 5 GiB when
it is fed with everything. So it is fed with what is arc-consistent, which loses no solution, and of that with the
newest versions that each dependency allows, which loses some: whoever finds no solution in those asks for more.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from rattler import MatchSpec, Version

from envmgr.platforms.model import VirtualPackage
from envmgr.solve.candidates import Row, Texts
from envmgr.solve.specs import meets

_VERSION_ONLY = re.compile(r"\S+(?:\s+[^\s\[\]]+)?")


class Pool:
    """Rows that may be chosen from, one list a channel; a row that no solution can hold is not among its newest."""

    def __init__(
        self,
        repos: Sequence[Sequence[Row]],
        installed: Sequence[Row],
        machine: Sequence[VirtualPackage],
        wanted: Collection[str],
    ) -> None:
        """Take `installed` rows, which need not be in any channel, the virtual packages, and the names that every
        solution holds."""
        self._rows: list[Row] = [row for repo in repos for row in repo]
        self._repos = [number for number, repo in enumerate(repos) for _ in repo]
        self._rows += installed
        self._repos += [-1] * len(installed)
        self._starts = [sum(map(len, repos[:number])) for number in range(len(repos))]
        self._machine = {package.name: package for package in machine}
        self._wanted = frozenset(wanted)
        self._by_name = self._sorted_by_version()
        self._alive = bytearray(b"\x01") * len(self._rows)
        self._needs: dict[tuple[Texts, Texts], Texts] = {}
        self._matching: dict[str, list[int]] = {}
        self._prune()
        self.in_channels = sum(1 for row, repo in enumerate(self._repos) if repo >= 0 and self._alive[row])

    def is_hopeless(self) -> bool:
        """Whether some wanted name has no row left, so that there is no solution."""
        return any(not self._living(self._by_name.get(name, ())) for name in self._wanted)

    def newest_version(self, name: str) -> str | None:
        """Return the newest version of a name that is not ruled out."""
        return next((self._rows[row].version for row in self._by_name.get(name, ()) if self._alive[row]), None)

    def newest(self, versions: int | None) -> list[list[int]]:
        """Return indexes into each of the channels: so many versions for each wanted name, and for each dependency of
        what is returned; everything that is left for None."""
        chosen: set[int] = set()
        if versions is None:
            chosen.update(row for row in range(len(self._rows)) if self._alive[row])
        else:
            self._choose(chosen, versions)
        cut: list[list[int]] = [[] for _ in self._starts]
        for row in sorted(chosen):
            if self._repos[row] >= 0:
                cut[self._repos[row]].append(row - self._starts[self._repos[row]])
        return cut

    def _choose(self, chosen: set[int], versions: int) -> None:
        waiting = [self._by_name.get(name, ()) for name in sorted(self._wanted)]
        waiting += [[row] for row, repo in enumerate(self._repos) if repo == -1]
        seen: set[str] = set()
        while waiting:
            for row in self._first_versions(waiting.pop(), versions):
                if row in chosen:
                    continue
                chosen.add(row)
                for text in self._needs_of(row):
                    if text not in seen:
                        seen.add(text)
                        waiting.append(self._matching[text])

    def _first_versions(self, rows: Sequence[int], versions: int) -> Iterable[int]:
        """Yield the living rows of the newest `versions` versions of each channel; `rows` are sorted by version."""
        found: dict[int, list[str]] = defaultdict(list)
        for row in rows:
            if not self._alive[row]:
                continue
            known, version = found[self._repos[row]], self._rows[row].version
            if version not in known:
                if len(known) == versions:
                    continue
                known.append(version)
            yield row

    def _sorted_by_version(self) -> dict[str, list[int]]:
        groups: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, row in enumerate(self._rows):
            groups[row.name][row.version].append(number)
        return {
            name: [row for version in sorted(versions, key=Version, reverse=True) for row in versions[version]]
            for name, versions in groups.items()
        }

    def _needs_of(self, row: int) -> Texts:
        """Return what has to hold where the row is chosen: its dependencies, and its constrains on what is there."""
        key = (self._rows[row].depends, self._rows[row].constrains)
        if key not in self._needs:
            there = [text for text in key[1] if (name := _name(text)) in self._wanted or name in self._machine]
            self._needs[key] = tuple(dict.fromkeys((*key[0], *there)))
        return self._needs[key]

    def _living(self, rows: Sequence[int]) -> bool:
        return any(self._alive[row] for row in rows)

    def _matching_rows(self, text: str) -> list[int]:
        """Return the rows that meet a match spec; a version is looked at once where nothing else counts."""
        spec = MatchSpec(text)
        rows = self._by_name.get(spec.name.normalized, [])
        if not _VERSION_ONLY.fullmatch(text):
            return [row for row in rows if spec.matches(self._rows[row].record)]
        if spec.version is None:
            return rows
        verdicts: dict[str, bool] = {}
        for row in rows:
            version = self._rows[row].version
            if version not in verdicts:
                verdicts[version] = spec.matches(self._rows[row].record)
        return [row for row in rows if verdicts[self._rows[row].version]]

    def _prune(self) -> None:
        """Take away rows with a need that no row meets, until there are none (arc consistency, AC-6)."""
        users: dict[str, list[Texts]] = defaultdict(list)
        rows_of: dict[Texts, list[int]] = defaultdict(list)
        for row in range(len(self._rows)):
            rows_of[self._needs_of(row)].append(row)
        for needs in rows_of:
            for text in needs:
                users[text].append(needs)
        support = _Support(self._matching, self._alive)
        waiting = []
        for text in users:
            name = _name(text)
            if name.startswith("__"):
                self._matching[text] = []
                is_met = meets(self._machine.get(name), MatchSpec(text))
            else:
                self._matching[text] = self._matching_rows(text)
                is_met = support.found(text)
            if not is_met:
                waiting.append(text)
        while waiting:
            for needs in users[waiting.pop()]:
                for row in rows_of.pop(needs, ()):
                    self._alive[row] = 0
                    waiting += [text for text in support.lost(row) if not support.found(text)]


class _Support:
    """For each need one living row that meets it, looked for once along the rows that match."""

    def __init__(self, matching: Mapping[str, Sequence[int]], alive: bytearray) -> None:
        self._matching, self._alive = matching, alive
        self._position: dict[str, int] = {}
        self._of_row: dict[int, list[str]] = defaultdict(list)

    def found(self, text: str) -> bool:
        """Whether a living row meets the need; it is its support from now on."""
        rows, at = self._matching[text], self._position.get(text, 0)
        while at < len(rows) and not self._alive[rows[at]]:
            at += 1
        self._position[text] = at
        if at == len(rows):
            return False
        self._of_row[rows[at]].append(text)
        return True

    def lost(self, row: int) -> list[str]:
        """Return the needs that had this row as their support."""
        return self._of_row.pop(row, [])


def _name(text: str) -> str:
    return MatchSpec(text).name.normalized
