# As root: makes files, becomes nobody with the group daemon, and tries what that user may do with them.
d=$(mktemp -d /tmp/rights.XXXXXX)
chmod 755 "$d"
cd "$d" || exit 1
umask 022
mkdir -m 777 open; mkdir -m 755 shut; mkdir -m 1777 sticky; mkdir -m 2777 sgid; chgrp games sgid; mkdir -m 711 pass; echo in > pass/f; mkdir -m 700 none; echo x > none/f
echo r > open/rootfile; chmod 644 open/rootfile; echo g > open/grp; chgrp daemon open/grp; chmod 660 open/grp; echo s > sticky/rootfile; chmod 666 sticky/rootfile; echo h > open/hidden; chmod 600 open/hidden
printf '#!/bin/sh\necho ran\n' > open/x; chmod 700 open/x; cp open/x open/y; chmod 755 open/y
cat > as.sh <<'X'
t() { "$@" 2>&1; echo "-> $?"; }
id -u; id -g; id -G
t touch open/a; t mkdir open/d; t ln -s a open/l; t ln open/a open/h; t stat -c '%n %U %G %a' open/a open/d open/l open/h
t touch shut/a; t mkdir shut/d; t ln -s a shut/l; t rm -f shut/none; t touch open/rootfile; t touch -d @5 open/rootfile; t touch -d @5 open/a; t cat open/rootfile; t sh -c 'echo y >> open/rootfile'
t cat open/hidden; t cat open/grp; t sh -c 'echo z >> open/grp'; t cat open/grp; t chmod 600 open/rootfile; t chmod 600 open/a; t chown root open/a; t chgrp daemon open/a; t chgrp games open/a; t chown nobody open/rootfile
t rm -f sticky/rootfile; t mv sticky/rootfile open/; t sh -c 'echo q > sticky/mine'; t rm sticky/mine; t sh -c 'echo k > sticky/rootfile'; t mv open/rootfile open/renamed; t rm -f open/renamed
t touch sgid/f; t mkdir sgid/d; t stat -c '%n %U %G %a' sgid/f sgid/d
t cat pass/f; t ls pass; t cat none/f; t ls none; t cd none; t test -r none/f; t test -w open/grp; t test -x open/x; t open/x; t open/y; t truncate -s 0 open/hidden
t find . -newer as.sh -name zz; t cp open/y open/z; t stat -c '%U %a' open/z; t rmdir open/d; t mkfifo open/fifo; t stat -c '%U %F' open/fifo; t ls open
t /usr/bin/python3 -S -E -c '
import os
def t(f, *a):
    try:
        f(*a); print(f.__name__, "ok")
    except OSError as e: print(f.__name__, e.errno)
f = os.open("open/grp", os.O_RDONLY)
g = os.open("open/a", os.O_RDWR)
for fd in (f, g):
    t(os.fchmod, fd, 0o640); t(os.fchown, fd, 65534, 1); t(os.fchown, fd, 65534, 3); t(os.utime, fd); t(os.utime, fd, (1, 2))
t(os.access, "none/f", os.R_OK); t(os.access, "open/a", os.W_OK); t(os.open, "open/y", os.O_RDONLY | os.O_NOATIME); t(os.open, "open/a", os.O_RDONLY | os.O_NOATIME)
t(os.truncate, "open/y", 0); t(os.link, "open/a", "shut/h"); t(os.rename, "open/a", "sticky/a"); t(os.replace, "sticky/a", "sticky/rootfile"); t(os.rename, "shut", "open/shut")
'
X
setpriv --reuid 65534 --regid 65534 --groups 1 bash as.sh
rm -r "$d"
