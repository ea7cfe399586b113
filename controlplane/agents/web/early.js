// SPDX-License-Identifier: BSD-3-Clause
// Runs before the page is drawn, so that it is drawn in the right colours at once.
"use strict";
document.documentElement.dataset.theme = localStorage.getItem("weir.theme") || "auto";
