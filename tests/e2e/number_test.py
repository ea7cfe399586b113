#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Country by number against a second reading of libphonenumber's metadata, by Python's own regular expressions.

The rules of docs/country.md are applied here to whole numbers, one by one, as libphonenumber matches them (types and
possible lengths); the table of the dataplane is walks over beginnings. WEIR_BUILD names the build folder, WEIR_DATA
(optional) a folder with country/e164/libphonenumber-js.examples.mobile.json of the npm package libphonenumber-js.
"""
import gzip
import json
import os
import random
import re
import re._constants as constants
import re._parser as parser
import subprocess
import sys
import xml.etree.ElementTree

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("WEIR_BUILD", os.path.join(ROOT, "build", "test"))
METADATA = os.path.join(ROOT, "data", "e164", "PhoneNumberMetadata.xml.gz")
SEED = int(os.environ.get("WEIR_SEED", "1"))
PART_OF = {"AC": "SH", "TA": "SH"}
TYPES = ("fixedLine", "mobile", "pager", "tollFree", "premiumRate", "sharedCost", "personalNumber", "voip", "uan", "voicemail")


def lengths_of(text):
    found = set()
    for part in re.findall(r"\[\d+-\d+\]|\d+", text):
        bounds = [int(bound) for bound in part.strip("[]").split("-")]
        found.update(range(bounds[0], bounds[-1] + 1))
    return found


class Territory:
    def __init__(self, element):
        self.id, self.code = element.get("id"), element.get("countryCode")
        self.main = element.get("mainCountryForCode") == "true"
        self.leading = element.get("leadingDigits") and re.compile("".join(element.get("leadingDigits").split()))
        self.types, self.patterns, self.examples = [], [], []
        for name in TYPES:
            found = element.find(name)
            if found is not None and found.find("nationalNumberPattern") is not None:
                text = "".join(found.findtext("nationalNumberPattern").split())
                self.patterns.append(text)
                self.types.append((lengths_of(found.find("possibleLengths").get("national")), re.compile(text)))
                self.examples.append("".join(found.findtext("exampleNumber").split()))

    def has_type(self, national):
        return any(len(national) in lengths and pattern.fullmatch(national) for lengths, pattern in self.types)

    def claims(self, national):
        return bool(self.leading.match(national)) if self.leading else self.has_type(national)


class World:
    def __init__(self):
        with gzip.open(METADATA) as file:
            root = xml.etree.ElementTree.parse(file).getroot()
        self.codes = {}
        for element in root.iter("territory"):
            territory = Territory(element)
            self.codes.setdefault(territory.code, []).append(territory)
        for territories in self.codes.values():
            territories.sort(key=lambda territory: not territory.main)

    def split(self, digits):
        code = next((digits[:n] for n in (1, 2, 3) if digits[:n] in self.codes), None)
        return code, digits[len(code or ""):]

    def known(self, digits):
        """Whose this whole number is by the data: territories, in libphonenumber's order."""
        code, national = self.split(digits)
        if code == "1" and len(national) != 10:
            return []
        return [territory.id for territory in self.codes.get(code, ()) if territory.claims(national)]

    def country(self, digits):
        """(country or "--", whether the data knows whole numbers like this one)."""
        code, _ = self.split(digits)
        territories = self.codes.get(code, ())
        if len(territories) < 2:
            name = territories[0].id if territories else "--"
            return ("--" if name == "001" else PART_OF.get(name, name)), True
        claimants, main = self.known(digits), territories[0].id
        if len(claimants) == 1:
            return PART_OF.get(claimants[0], claimants[0]), True
        if code == "1":
            return "--", bool(claimants)
        if claimants and main not in claimants:
            return "--", True
        return main, bool(claimants)

    def by_the_library(self, digits):
        """What libphonenumber's getRegionCodeForNumber does: the first in order."""
        code, national = self.split(digits)
        for territory in self.codes.get(code, ()):
            if territory.leading.match(national) if territory.leading else territory.has_type(national):
                return PART_OF.get(territory.id, territory.id)
        return None


def ask(numbers):
    """(country, rule, prefix) for each of `numbers`, digit strings."""
    text = "".join(f"+{number}\n" for number in numbers)
    out = subprocess.run([os.path.join(BUILD, "tests", "kit", "number_filter")], input=text, capture_output=True, text=True, check=True).stdout
    answers = [line.split() for line in out.splitlines()]
    assert len(answers) == len(numbers)
    return [(country, rule, int(prefix)) for country, rule, prefix in answers]


def sample(chance, items):
    """A number that a parsed pattern matches."""
    out = []
    for kind, value in items:
        if kind is constants.LITERAL:
            out.append(chr(value))
        elif kind is constants.IN:
            digits = []
            for part, inside in value:
                if part is constants.LITERAL:
                    digits.append(chr(inside))
                elif part is constants.RANGE:
                    digits += [chr(each) for each in range(inside[0], inside[1] + 1)]
                else:
                    digits += list("0123456789")
            out.append(chance.choice(digits))
        elif kind is constants.BRANCH:
            out.append(sample(chance, chance.choice(value[1])))
        elif kind is constants.SUBPATTERN:
            out.append(sample(chance, value[-1]))
        elif kind is constants.MAX_REPEAT:
            for _ in range(chance.randint(value[0], value[1])):
                out.append(sample(chance, value[2]))
        else:
            raise AssertionError(f"a pattern with {kind}")
    return "".join(out)


def held_against(world, numbers):
    """How many of `numbers` the data knows; each must have the country of the second reading."""
    known = 0
    for number, (country, rule, prefix) in zip(numbers, ask(numbers)):
        want, listed = world.country(number)
        text = f"+{number}: {country} by {rule}, prefix {prefix}; the data says {want} ({world.known(number)})"
        if listed:
            known += 1
            assert country == want, text
        else:  # of a range that is not known, the country is the main one, or that of all known ranges around it
            assert country == want or rule in ("area-code", "shared"), text
    return known


def every_example_number_of_the_data_has_its_country(world):
    numbers = [t.code + example for territories in world.codes.values() for t in territories for example in t.examples]
    numbers = [number for number in numbers if len(number) <= 15]
    assert held_against(world, numbers) >= 1000, len(numbers)
    own = [t for territories in world.codes.values() for t in territories if t.id != "001"]
    first = ask([t.code + t.examples[0] for t in own])
    for territory, (country, rule, _) in zip(own, first):
        if country != PART_OF.get(territory.id, territory.id):  # an example may be of a range that others have too
            known = world.known(territory.code + territory.examples[0])
            assert rule in ("shared", "main-country") and len(known) > 1, (territory.id, territory.examples[0], country, rule, known)


def random_numbers_of_every_pattern_have_the_country_of_the_second_reading(world):
    chance = random.Random(SEED)
    numbers = []
    for code, territories in world.codes.items():
        each = 300 if len(territories) > 1 else 5
        for territory in territories:
            for pattern in territory.patterns:
                parsed = list(parser.parse(pattern))
                numbers += [code + sample(chance, parsed) for _ in range(each)]
    numbers = [number for number in numbers if len(number) <= 15]
    assert held_against(world, numbers) >= 50000, len(numbers)


def every_beginning_of_four_digits_behind_a_shared_code_has_the_country_of_the_second_reading(world):
    chance = random.Random(SEED)
    numbers = []
    for code, territories in world.codes.items():
        if len(territories) < 2:
            continue
        lengths = sorted({length for territory in territories for lengths, _ in territory.types for length in lengths})
        for beginning in range(10000):
            length = chance.choice([each for each in lengths if each >= 5])
            tail = "".join(chance.choice("0123456789") for _ in range(length - 4))
            numbers.append(f"{code}{beginning:04}{tail}")
    known = held_against(world, numbers)
    assert known >= 20000, known


def every_calling_code_of_three_digits_is_somebodys_or_nobodys(world):
    numbers = [f"{code:03}123456" for code in range(1000)]
    for number, (country, rule, _) in zip(numbers, ask(numbers)):
        code, _ = world.split(number)
        assert (rule == "unassigned") == (code is None), (number, country, rule)
        if code and len(world.codes[code]) == 1:
            assert country == world.country(number)[0], (number, country, rule)


def a_country_that_decides_is_that_of_all_known_numbers_with_the_same_beginning(world):
    chance = random.Random(SEED + 1)
    by_prefix = {}
    for code, territories in world.codes.items():
        if len(territories) < 2:
            continue
        numbers = []
        for territory in territories:
            for pattern in territory.patterns:
                parsed = list(parser.parse(pattern))
                numbers += [code + sample(chance, parsed) for _ in range(100)]
        for number, (country, rule, prefix) in zip(numbers, ask(numbers)):
            if rule == "area-code" and (code != "1" or len(number) == 11):
                by_prefix.setdefault(number[:prefix], set()).add(country)
                assert world.country(number)[0] == country, (number, country)
    assert len(by_prefix) > 200, len(by_prefix)
    assert all(len(countries) == 1 for countries in by_prefix.values())


def libphonenumber_s_own_order_differs_only_where_several_countries_share_a_number(world):
    chance = random.Random(SEED + 2)
    differ = 0
    for code, territories in world.codes.items():
        numbers = [code + sample(chance, list(parser.parse(pattern))) for t in territories for pattern in t.patterns for _ in range(50)]
        numbers = [number for number in numbers if len(number) <= 15 and (code != "1" or len(number) == 11)]
        for number, (country, _, _) in zip(numbers, ask(numbers)):
            library = world.by_the_library(number)
            if library not in (None, "001") and country != library:
                differ += 1
                assert country == "--" and len(world.known(number)) > 1, (number, country, library, world.known(number))
    assert differ > 0


def examples_of_four_years_later_have_their_country(world):
    path = os.path.join(os.environ.get("WEIR_DATA", "/nonexistent"), "country", "e164", "libphonenumber-js.examples.mobile.json")
    if not os.path.exists(path):
        return "no libphonenumber-js.examples.mobile.json in WEIR_DATA"
    with open(path, encoding="utf-8") as file:
        examples = json.load(file)
    codes = {territory.id: territory.code for territories in world.codes.values() for territory in territories}
    names = [name for name in examples if name in codes]
    assert len(names) >= 240, names
    wrong = []
    for name, (country, rule, _) in zip(names, ask([codes[name] + examples[name] for name in names])):
        # The mobile numbers of some are those of their main country, by its own plan.
        if country != PART_OF.get(name, name):
            wrong.append((name, country, rule, world.known(codes[name] + examples[name])))
    for name, country, rule, known in wrong:
        assert rule == "main-country" and known and country in known, (name, country, rule, known)
    return None


CASES = [
    every_example_number_of_the_data_has_its_country,
    random_numbers_of_every_pattern_have_the_country_of_the_second_reading,
    every_beginning_of_four_digits_behind_a_shared_code_has_the_country_of_the_second_reading,
    every_calling_code_of_three_digits_is_somebodys_or_nobodys,
    a_country_that_decides_is_that_of_all_known_numbers_with_the_same_beginning,
    libphonenumber_s_own_order_differs_only_where_several_countries_share_a_number,
    examples_of_four_years_later_have_their_country,
]


def main():
    failed = skipped = 0
    world = World()
    for case in CASES:
        name = case.__name__.replace("_", " ")
        try:
            why = case(world)
            print(f"skipped {name}: {why}" if why else f"ok {name}")
            skipped += bool(why)
        except Exception as error:  # whatever it is, it is this case's failure
            failed += 1
            print(f"FAILED {name}: {type(error).__name__}: {error}")
    print(f"{len(CASES) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


sys.exit(main())
