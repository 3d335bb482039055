# SPDX-License-Identifier: MIT
# tab.zsh FOLDER LINE: what LINE has become in zsh after a Tab, with the completions of FOLDER.
zmodload zsh/zpty
zpty -b shell 'TERM=xterm zsh -f -i'
zpty -w shell "unsetopt zle_bracketed_paste beep; PROMPT= RPROMPT=; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w shell 'show() { print -r -- "<<$BUFFER>>"; zle kill-buffer; zle redisplay }; zle -N show; bindkey "^G" show'
# Not the echo of the line itself.
zpty -w shell 'print go-$((1 + 1))'
zpty -r shell text '*go-2*'
zpty -w -n shell "$2"$'\t\a'
zpty -r shell text '*\>\>*'
print -r -- ${${text##*<<}%%>>*}
zpty -d shell
