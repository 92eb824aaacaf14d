# antiphon.bash - completes the words of `antiphon` in bash. Commands, flags and settings are asked of the program itself.
_antiphon()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
	local commands settings words
	COMPREPLY=()
	commands=$(antiphon help 2>/dev/null | sed -n 's/^  antiphon \([a-z]*\) .*/\1/p; s/^  and: //p')
	if [ "$COMP_CWORD" = 1 ]; then
		words=$commands
	elif [ "$before" = --set ]; then
		settings=$(antiphon help settings 2>/dev/null | sed -n 's/^ *\([a-z_]*\.[a-z_0-9]*\).*/\1=/p')
		compopt -o nospace
		words=$settings
	elif [[ $before == --model || $before == --config || $before == --data || $before == --tls-* || $before == -f ]]; then
		compopt -o default
		return
	elif [ "$command" = help ]; then
		words="$commands settings"
	elif [[ $word == -* ]]; then
		words=$({ antiphon help; antiphon help "$command"; } 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u)
	else
		words=$(antiphon help "$command" 2>/dev/null | sed -n '1,12s/^  \([a-z]\{3,\}\) .*/\1/p')
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _antiphon antiphon
