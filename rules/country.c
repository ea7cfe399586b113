// SPDX-License-Identifier: BSD-3-Clause
//
// Officially assigned alpha-2 codes of ISO 3166-1, by first letter: its second letters.
#include "rules/country.h"

#include <stdio.h>
#include <string.h>

static const char *const assigned[26] = {
	['A' - 'A'] = "DEFGILMOQRSTUWXZ",
	['B' - 'A'] = "ABDEFGHIJLMNOQRSTVWYZ",
	['C' - 'A'] = "ACDFGHIKLMNORUVWXYZ",
	['D' - 'A'] = "EJKMOZ",
	['E' - 'A'] = "CEGHRST",
	['F' - 'A'] = "IJKMOR",
	['G' - 'A'] = "ABDEFGHILMNPQRSTUWY",
	['H' - 'A'] = "KMNRTU",
	['I' - 'A'] = "DELMNOQRST",
	['J' - 'A'] = "EMOP",
	['K' - 'A'] = "EGHIMNPRWYZ",
	['L' - 'A'] = "ABCIKRSTUVY",
	['M' - 'A'] = "ACDEFGHKLMNOPQRSTUVWXYZ",
	['N' - 'A'] = "ACEFGILOPRUZ",
	['O' - 'A'] = "M",
	['P' - 'A'] = "AEFGHKLMNRSTWY",
	['Q' - 'A'] = "A",
	['R' - 'A'] = "EOSUW",
	['S' - 'A'] = "ABCDEGHIJKLMNORSTVXYZ",
	['T' - 'A'] = "CDFGHJKLMNORTVWZ",
	['U' - 'A'] = "AGMSYZ",
	['V' - 'A'] = "ACEGINU",
	['W' - 'A'] = "FS",
	['Y' - 'A'] = "ET",
	['Z' - 'A'] = "AMW",
};

bool country_is_assigned(unsigned country)
{
	const char *seconds = country < 676 ? assigned[country / 26] : NULL;

	return seconds != NULL && strchr(seconds, (char)('A' + country % 26)) != NULL;
}

const char *country_hint(const char *code, char out[32])
{
	static const char *const meant[][2] = {
		{ "UK", "GB" }, { "EL", "GR" }, { "TP", "TL" }, { "ZR", "CD" },
		{ "BU", "MM" }, { "DD", "DE" }, { "FX", "FR" },
	};

	for (unsigned i = 0; i < sizeof(meant) / sizeof(meant[0]); i++)
		if (strcmp(meant[i][0], code) == 0) {
			snprintf(out, 32, "did you mean \"%s\"?", meant[i][1]);
			return out;
		}
	return NULL;
}
