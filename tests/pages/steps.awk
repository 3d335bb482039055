# SPDX-License-Identifier: MIT
# The steps of a session: each command into a file out/NUMBER.command, or .root if its prompt is root's, and what it
# prints into out/NUMBER.wanted. A command goes on in the next line after "|", "&&" and a backslash.
# usage: awk -v out=FOLDER -f steps.awk BLOCK

more {
	print >command
	more = /(\||&&|\\)$/
	next
}
/^[$#] / {
	step++
	command = sprintf("%s/%03d.%s", out, step, /^#/ ? "root" : "command")
	wanted = sprintf("%s/%03d.wanted", out, step)
	printf "" >wanted
	$0 = substr($0, 3)
	print >command
	more = /(\||&&|\\)$/
	next
}
{
	if (!step)
		exit 1
	print >wanted
}
