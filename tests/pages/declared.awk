# SPDX-License-Identifier: MIT
# Prints the lines of a declaration that no header has, whatever the spaces, and without comments; "..." stands for
# what is left out, and "x = KREG_Y(...)" for the macro. usage: awk -f declared.awk BLOCK HEADER...; exit status 0 if there are none

FILENAME == ARGV[1] {
	gsub(/[ \t]+/, " ")
	sub(/^ /, "")
	if (sub(/.* = KREG_/, "#define KREG_"))
		sub(/\(.*/, "")
	if ($0 != "" && $0 != "...")
		declared[++lines] = $0
	next
}
{ headers = headers $0 " " }

END {
	while ((begin = index(headers, "/*"))) {
		rest = substr(headers, begin)
		headers = substr(headers, 1, begin - 1) substr(rest, index(rest, "*/") + 2)
	}
	gsub(/[ \t]+/, " ", headers)
	gsub(/\* /, "*", headers)
	gsub(/\(/, " (", headers) # the end of a macro's name
	for (i = 1; i <= lines; i++) {
		gsub(/\(/, " (", declared[i])
		if (!index(headers, " " declared[i] " ")) {
			print declared[i]
			missing = 1
		}
	}
	exit missing
}
