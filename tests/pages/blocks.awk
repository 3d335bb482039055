# SPDX-License-Identifier: MIT
# The blocks of a page, in Markdown or mdoc: each into a file out/NUMBER, and a line about it to out/list:
#
#     NUMBER TAB PAGE TAB LINE TAB KIND TAB FILE TAB REASON
#
# LINE is that of the block's first line. KIND is what its fence says, or what its first line shows:
#     c         C
#     console   a session: a line after "$ " is a command, after "# " one for root; others are what it prints
#     ini       a file of services, which begins with a section
#     synopsis  declarations that the page repeats from a header
#     other     nothing that this script knows
# Of other languages, such as python, only what has a FILE is used: by the sessions of the page.
# FILE, or "-": the last word in backquotes of a line that ends in a colon and stands above the block; the reader is to
# save the block as that. REASON, or "-": why it is not run. The page says it itself, in the comment above the block:
#     Markdown  <!-- not run: REASON -->
#     mdoc      .\" not run: REASON
# usage: awk -v out=FOLDER -v first=NUMBER -v name=PAGE -f blocks.awk FILE

BEGIN {
	number = first
	mdoc = name ~ /\.[0-9]$/
	forget()
}

function forget() {
	file = "-"
	reason = "-"
}

function start(what, line) {
	kind = what
	where = line
	text = ""
	inside = 1
}

function add(line) {
	if (kind == "")
		kind = line ~ /^[$#] / ? "console" : line ~ /^\[/ ? "ini" : mdoc ? "c" : "other"
	text = text line "\n"
}

function end() {
	printf "%s", text >(out "/" number)
	close(out "/" number)
	printf "%d\t%s\t%d\t%s\t%s\t%s\n", number, name, where, kind, file, reason >>(out "/list")
	number++
	inside = 0
	forget()
}

# What roff would print.
function plain(line) {
	gsub(/\\&/, "", line)
	gsub(/\\-/, "-", line)
	gsub(/\\\(aq/, "'", line)
	gsub(/\\e/, "\\", line)
	return line
}

mdoc {
	if (/^\.Sh /)
		section = $2
	else if (/^\.\\" not run: /)
		reason = substr($0, index($0, ": ") + 2)
	else if (/^\.Bd -literal/)
		start(section == "SYNOPSIS" ? "synopsis" : "", NR + 1)
	else if (/^\.Ed/ && inside)
		end()
	else if (inside)
		add(plain($0))
	next
}

# Markdown.
/^```/ && fenced {
	fenced = 0
	end()
	next
}
/^```/ {
	fenced = 1
	what = substr($0, 4)
	start(what == "sh" ? "console" : what == "" ? "other" : what, NR + 1)
	next
}
fenced {
	add($0)
	next
}
/^<!-- not run: .* -->$/ {
	reason = $0
	sub(/^<!-- not run: /, "", reason)
	sub(/ -->$/, "", reason)
	next
}
# A block that is indented, with its empty lines, until the text goes on. What follows "- " or "1. " is part of a list.
/^    / && !inside && (blank || NR == 1) && !list {
	start("", NR)
}
inside && /^    / {
	while (gap) {
		add("")
		gap--
	}
	add(substr($0, 5))
	next
}
inside && /^$/ {
	gap++
	blank = 1
	next
}
inside {
	gap = 0
	end()
}
/^$/ {
	blank = 1
	next
}
{
	blank = 0
	list = /^([-*]|[0-9]+\.) / || (list && /^ /)
	file = "-"
	if (/:$/ && match($0, /`[^` ]+`[^`]*$/)) {
		file = substr($0, RSTART + 1)
		sub(/`.*/, "", file)
	}
	if (!/^<!--/)
		reason = "-"
}

END {
	if (inside)
		end()
}
