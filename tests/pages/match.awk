# SPDX-License-Identifier: MIT
# Whether a command has printed what its page shows. A number of three digits and more may be another one, as pids
# are, and so may one before a unit of time and the digits of an address that the kernel has chosen. Columns may be
# wider or narrower; "..." alone is any number of lines. Lines by which an interactive shell reports a job, as
# "[1] 4711", are not looked at.
# usage: awk -f match.awk WANTED GOT; exit status 0 or 1

# The regular expression that stands for a line.
function expression(line,    got, word) {
	gsub(/[][\\^$.*+?(){}|]/, "\\\\&", line)
	got = ""
	while (match(line, /[0-9]+(\\\.[0-9]+)? (us|ms|s|seconds)|@[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]|[0-9][0-9][0-9]+/)) {
		word = substr(line, RSTART, RLENGTH)
		got = got substr(line, 1, RSTART - 1) (word ~ /^@/ ? "@[0-9a-f]+" : "[0-9.]+")
		if (word ~ / /)
			got = got substr(word, index(word, " "))
		line = substr(line, RSTART + RLENGTH)
	}
	line = got line
	gsub(/ +/, " +", line)
	return "^" line "$"
}

function matches(w, g) {
	for (; w <= wanted; w++) {
		if (want[w] == "...") {
			for (; g <= lines + 1; g++)
				if (matches(w + 1, g))
					return 1
			return 0
		}
		if (g > lines || got[g] !~ expression(want[w]))
			return 0
		g++
	}
	return g > lines
}

{ sub(/[ \t]+$/, "") }
FILENAME == ARGV[1] {
	if ($0 !~ /^\[[0-9]+\]/)
		want[++wanted] = $0
	next
}
{ got[++lines] = $0 }
END { exit !matches(1, 1) }
