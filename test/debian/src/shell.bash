shopt -s extglob
a=(one two three); a+=(four); declare -A m=([x]=1 [y]=2)
for i in "${!a[@]}"; do echo "$i ${a[i]^^}"; done
echo "${m[x]}${m[y]} ${#a[@]} ${a[@]:1:2}"
trap 'echo got TERM; n=1' TERM
kill -TERM $$
trap 'echo leaving with $?' EXIT
f() { local x=$1; (( x > 0 )) && { echo -n "$x "; f $((x - 1)); }; }
f 5; echo
(cd tree/sub; pwd | sed 's/.*work//'; exit 3); echo "sub $?"
printf '%s\n' {a..e}{1,2} | sort -r | head -n 4 | tr a-z A-Z
while read -r x y rest; do (( s += x )); done < tree/numbers; echo "$s"
x=$(echo in | cat; echo again); echo "$x"
cat <<< "here string"; diff <(echo a) <(echo b)
[[ abc123 =~ ([a-z]+)([0-9]+) ]] && echo "${BASH_REMATCH[2]}"
set -o pipefail; false | true; echo "pipe $?"
sleep 0.05 & wait $!; echo "waited $?"
coproc cat; echo hello >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"
exit 7
