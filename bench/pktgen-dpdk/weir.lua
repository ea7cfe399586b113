-- SPDX-License-Identifier: BSD-3-Clause
-- Sends the capture of a scenario (-s PORT:scenario.pcap) with Pktgen-DPDK and says how many frames went out and came back, at one
-- rate or at each of a list. README.md says how to run it. Settings are variables of the environment:
--   WEIR_PORT     port that sends, and receives what comes back; 0
--   WEIR_RATES    per cent of the line, separated by commas; 10
--   WEIR_SECONDS  for each rate; 10

package.path = package.path .. ";?.lua"
require "Pktgen"

local SETTLE_MS = 2000 -- for what is still under way, and for counters that are read once a second
local LINK_TRIES = 30 -- a second apart

local function setting(name, default)
	local value = os.getenv(name)
	if value == nil or value == "" then
		return default
	end
	return value
end

local function number(name, default, min, max)
	local value = tonumber(setting(name, default))
	if value == nil or value < min or value > max then
		error(string.format("%s is a number from %g to %g", name, min, max))
	end
	return value
end

local function rates()
	local list = {}
	for word in string.gmatch(setting("WEIR_RATES", "10"), "[^,]+") do
		local value = tonumber(word)
		if value == nil or value <= 0 or value > 100 then
			error(string.format("WEIR_RATES: \"%s\" is no per cent of a line", word))
		end
		table.insert(list, value)
	end
	return list
end

-- Until Pktgen-DPDK has seen the link it knows no line's speed, and sends as fast as it can whatever the rate.
local function wait_for_link(port)
	local name = tostring(port)
	for _ = 1, LINK_TRIES do
		if string.find(pktgen.linkState(name)[port], "UP", 1, true) then
			return
		end
		pktgen.delay(1000)
	end
	error(string.format("port %d has no link", port))
end

-- Version 26 gives the port's counters inside a table and refuses the second argument, which those before want.
local function counters(port)
	local name = tostring(port)
	local new, stats = pcall(pktgen.portStats, name)
	if not new then
		stats = pktgen.portStats(name, "port")
	end
	return stats[port].curr or stats[port]
end

local function run(port, rate, seconds)
	local name = tostring(port)
	pktgen.set(name, "rate", rate) -- after the capture is chosen: its mean size is what a rate is made of
	pktgen.clr()
	pktgen.start(name)
	pktgen.delay(math.floor(seconds * 1000))
	pktgen.stop(name)
	pktgen.delay(SETTLE_MS)
	local counts = counters(port)
	print(string.format("%6.2f %% of the line, %g s: %d sent, %d back, %d not back, %d missed by the port, %d without an mbuf",
		rate, seconds, counts.opackets, counts.ipackets, counts.opackets - counts.ipackets, counts.imissed, counts.rx_nombuf))
end

local function main()
	local port = number("WEIR_PORT", "0", 0, 63)
	local seconds = number("WEIR_SECONDS", "10", 0.1, 86400)
	local list = rates()

	pktgen.screen("off")
	wait_for_link(port)
	pktgen.pcap(tostring(port), "enable")
	pktgen.set(tostring(port), "count", 0) -- until it is stopped
	for _, rate in ipairs(list) do
		run(port, rate, seconds)
	end
end

main()
