# SPDX-License-Identifier: MIT
# A fragment of C as part of a file that compiles: its definitions stand outside of a function, its statements in one.
# Names that it defines outside bear its number, so that two fragments may both define print(). Compilers' messages
# name the page and the line.
# usage: awk -v number=NUMBER -v page=PAGE -v line=LINE -f fragment.awk BLOCK

function name_of(head) {
	if (head ~ /^(struct|enum|union) /) {
		sub(/^[a-z]+ /, "", head)
		sub(/[^A-Za-z0-9_].*/, "", head)
	} else {
		sub(/\(.*/, "", head)
		sub(/.*[^A-Za-z0-9_]/, "", head)
	}
	return head
}

function at(where) {
	return "#line " (line + where - 1) " \"" page "\"\n"
}

# A definition begins in the first column and goes on to a brace there: "static ssize_t add(", "struct load {".
!outside && (/^(static )?[a-z][a-z_0-9 *]* \**[a-z_0-9]+\([^;]*[,)]$/ || /^(struct|enum|union) [a-z_0-9]+ \{$/) &&
!/^(else )?(if|while|for|switch|do) / {
	outside = 1
	names[++defined] = name_of($0)
	before = before at(FNR)
}
outside {
	before = before $0 "\n"
	if (/^}/)
		outside = 0
	next
}
# A macro that defines functions, or a directive.
/^[A-Z_]+\([^;]*\)$/ || /^#/ {
	before = before at(FNR) $0 "\n"
	next
}
{
	if (!inside || FNR != last + 1)
		body = body at(FNR)
	inside = 1
	last = FNR
	body = body $0 "\n"
	if (/[^ \t]/)
		statements = 1
}

END {
	for (i = 1; i <= defined; i++)
		printf "#define %s %s_%d\n", names[i], names[i], number
	printf "%s", before
	if (statements)
		printf "int fragment_%d(void);\nint fragment_%d(void)\n{\n%s\treturn 0;\n}\n", number, number, body
	for (i = 1; i <= defined; i++)
		printf "#undef %s\n", names[i]
}
