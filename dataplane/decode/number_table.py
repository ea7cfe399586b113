#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes number_table.c, the table of number.c: number_table.py METADATA.xml[.gz] VERSION > number_table.c

VERSION is a file with one line, "source, date".

A number plan in libphonenumber's format becomes a walk over the digits of a number: a state a digit, until
one country is left. docs/country.md says by what rules; number_table.h what the entries mean.
"""
import gzip
import sys
import xml.etree.ElementTree

DIGITS = "0123456789"
# Entries: bit 15 is set where the walk ends; then rule (12 to 14), digits of the calling code (10, 11), country (0 to 9).
CODE, AREA, MAIN, SHARED, UNLISTED, WORLD, UNASSIGNED = range(7)
NOBODY = 1023

# North America's plan is of 25 countries, and an area code is the least that tells them apart: none of them has what
# is left over, nothing shorter than an area code decides, and what is not 10 digits is not dialled from abroad.
NORTH_AMERICA, AREA_DIGITS, NATIONAL_DIGITS = "1", 3, 10
# Parts of one entry of ISO 3166-1: its SH is Saint Helena, Ascension (AC) and Tristan da Cunha (TA).
PART_OF = {"AC": "SH", "TA": "SH"}


class Pattern:
    """Reads the regular expressions of the file (digits, \\d, classes, groups, |, ?, {n}, {n,m}) into an automaton:
    `moves[state]` is a list of (set of digits or None for a free move, state)."""

    def __init__(self, moves):
        self.moves, self.text, self.at = moves, "", 0

    def state(self):
        self.moves.append([])
        return len(self.moves) - 1

    def add(self, text, start):
        """Adds `text` behind the state `start`; returns the state that it ends in."""
        self.text, self.at = text, 0
        end = self.choice(start)
        if self.at != len(self.text):
            sys.exit(f"number_table.py: cannot read {text!r} from position {self.at}")
        return end

    def choice(self, start):
        end = self.state()
        while True:
            self.moves[self.row(start)].append((None, end))
            if self.text[self.at:self.at + 1] != "|":
                return end
            self.at += 1

    def row(self, start):
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            start = self.repeated(start)
        return start

    def repeated(self, start):
        """One part and what says how often it comes: reads it as often as it is to be added."""
        begin = self.at
        end = self.part(start)
        behind, (least, most) = self.at, self.count()
        after = self.at
        if least == 0:
            self.moves[start].append((None, end))
        ends = [end]
        for _ in range(1, most):
            self.at = begin
            ends.append(self.part(ends[-1]))
            assert self.at == behind
        self.at = after
        for early in ends[max(least, 1) - 1:-1]:
            self.moves[early].append((None, ends[-1]))
        return ends[-1]

    def count(self):
        if self.text[self.at:self.at + 1] == "?":
            self.at += 1
            return 0, 1
        if self.text[self.at:self.at + 1] != "{":
            return 1, 1
        end = self.text.index("}", self.at)
        bounds = [int(bound) for bound in self.text[self.at + 1:end].split(",")]
        self.at = end + 1
        return bounds[0], bounds[-1]

    def part(self, start):
        text, at = self.text, self.at
        if text.startswith("(?:", at) or text[at] == "(":
            self.at += 3 if text.startswith("(?:", at) else 1
            end = self.choice(start)
            self.at += 1  # ")"
            return end
        if text.startswith("\\d", at):
            self.at, digits = at + 2, set(DIGITS)
        elif text[at] == "[":
            close = text.index("]", at)
            digits, self.at = self.digits_of(text[at + 1:close]), close + 1
        elif text[at] in DIGITS:
            self.at, digits = at + 1, {text[at]}
        else:
            sys.exit(f"number_table.py: cannot read {text!r} from position {at}")
        end = self.state()
        self.moves[start].append((digits, end))
        return end

    @staticmethod
    def digits_of(inside):
        digits = set()
        while inside:
            if inside[1:2] == "-":
                digits |= set(DIGITS[int(inside[0]):int(inside[2]) + 1])
                inside = inside[3:]
            elif inside.startswith("\\d"):
                digits, inside = set(DIGITS), inside[2:]
            else:
                digits.add(inside[0])
                inside = inside[1:]
        return digits


def claims_of(territory):
    """What a territory says is its own: patterns of whole numbers, and whether each is a beginning alone."""
    leading = territory.get("leadingDigits")
    if leading:
        return [("".join(leading.split()), True)]
    kinds = [kind for kind in territory if kind.tag not in ("references", "availableFormats", "generalDesc", "noInternationalDialling")]
    texts = [kind.findtext("nationalNumberPattern") for kind in kinds]
    return sorted({("".join(text.split()), False) for text in texts if text})


class Plan:
    """The numbers behind one calling code that several countries share."""

    def __init__(self, code, territories):
        self.code, self.moves, self.owner = code, [[]], {}
        self.main = next(t.get("id") for t in territories if t.get("mainCountryForCode"))
        self.length = 15 - len(code)
        for territory in territories:
            for text, beginning in claims_of(territory):
                start = Pattern(self.moves).state()
                self.moves[0].append((None, start))
                end = Pattern(self.moves).add(text, start)
                self.owner.setdefault(end, set()).add(territory.get("id"))
                if beginning:
                    self.moves[end].append((set(DIGITS), end))
        self.known, self.made = {}, {}
        self.rest = self.leaf(None if code == NORTH_AMERICA else self.main)

    def closed(self, states):
        """`states` and all that free moves reach."""
        seen = set(states)
        todo = list(seen)
        while todo:
            for digits, state in self.moves[todo.pop()]:
                if digits is None and state not in seen:
                    seen.add(state)
                    todo.append(state)
        return frozenset(seen)

    def step(self, states, digit):
        return self.closed(state for at in states for digits, state in self.moves[at] if digits and digit in digits)

    def country(self, claimants):
        """Whose a number is that these claim: None where the data cannot tell."""
        if len(claimants) == 1:
            return next(iter(claimants))
        return self.main if self.main in claimants and self.code != NORTH_AMERICA else None

    def below(self, states, depth):
        """The countries of all known numbers that begin like this; None among them where several share some."""
        if not states or depth > self.length:
            return frozenset()
        key = states, depth
        if key not in self.known:
            found = set()
            claimants = set().union(*(self.owner.get(state, ()) for state in states))
            if claimants and (self.code != NORTH_AMERICA or depth == NATIONAL_DIGITS):
                found.add(self.country(claimants))
            for digit in DIGITS:
                found |= self.below(self.step(states, digit), depth + 1)
            self.known[key] = frozenset(found)
        return self.known[key]

    def leaf(self, country, known=False):
        if country is None:
            return entry(SHARED if known else UNLISTED, self.code, None)
        return entry(MAIN if country == self.main and self.code != NORTH_AMERICA else AREA, self.code, country)

    def make(self, states, depth):
        """The entry or the node of what begins like this."""
        countries = self.below(states, depth)
        if not countries:
            return self.rest
        if len(countries) == 1 and (self.code != NORTH_AMERICA or depth >= AREA_DIGITS):
            return self.leaf(next(iter(countries)), known=True)
        key = states, depth
        if key not in self.made:
            self.made[key] = node([self.make(self.step(states, digit), depth + 1) for digit in DIGITS], self.rest)
        return self.made[key]


def entry(rule, code, country):
    number = NOBODY
    if country:
        country = PART_OF.get(country, country)
        number = (ord(country[0]) - ord("A")) * 26 + ord(country[1]) - ord("A")
    return 0x8000 | rule << 12 | len(code) << 10 | number


def node(entries, end):
    """A state: an entry or a state for each digit, and the entry where the number ends here. One entry where that is all."""
    made = (*entries, end)
    return end if all(each == end for each in made) else made


def make_codes(codes, prefix):
    """The states over the calling codes, which none begins with another."""
    entries = []
    for digit in DIGITS:
        code = prefix + digit
        if code in codes:
            entries.append(codes[code])
        elif any(each.startswith(code) for each in codes):
            entries.append(make_codes(codes, code))
        else:
            entries.append(entry(UNASSIGNED, "", None))
    return node(entries, entry(UNASSIGNED, "", None))


def numbered(start):
    """The states as rows, equal ones once, the first one first."""
    rows, number = [], {}

    def visit(state):
        if state not in number:
            number[state] = len(rows)
            rows.append(None)
            rows[number[state]] = [visit(each) if isinstance(each, tuple) else each for each in state]
        return number[state]

    visit(start)
    return rows


def main():
    path, version = sys.argv[1:]
    with open(version, encoding="ascii") as file:
        source, date = file.readline().strip().split(", ")
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        root = xml.etree.ElementTree.parse(file).getroot()
    by_code, codes = {}, {}
    for territory in root.iter("territory"):
        by_code.setdefault(territory.get("countryCode"), []).append(territory)
    for code, territories in by_code.items():
        names = [territory.get("id") for territory in territories]
        if names == ["001"]:
            codes[code] = entry(WORLD, code, None)
        elif len(names) == 1:
            codes[code] = entry(CODE, code, names[0])
        else:
            plan = Plan(code, territories)
            codes[code] = plan.make(plan.closed([0]), 0)
    rows = numbered(make_codes(codes, ""))
    assert len(rows) < 0x8000
    print("// SPDX-License-Identifier: BSD-3-Clause\n//\n// Made by number_table.py from libphonenumber's metadata (Apache-2.0).")
    print('#include "dataplane/decode/number_table.h"\n\n#include "dataplane/decode/number.h"\n')
    print(f'const char number_source[] = "{source}", number_date[] = "{date}";')
    print(f"const unsigned number_n_rows = {len(rows)};\n\nconst uint16_t number_rows[][NUMBER_COLUMNS] = {{")
    for row in rows:
        print("\t{" + ", ".join(f"{each:#06x}" for each in row) + "},")
    print("};")


main()
