use strict;
my %h;
while (<>) { $h{$1}++ while /([a-z]+)\d/g }
printf "%s %d\n", $_, $h{$_} for sort keys %h;
print join(",", map { $_ ** 2 } 1 .. 9), "\n";
my $o = `echo from a shell`;
print $o;
printf "%.10f %s\n", atan2(1, 1) * 4, 1 / 3;
local $SIG{USR1} = sub { print "USR1\n" };
kill 'USR1', $$;
my $pid = fork;
if (!$pid) { exit 4 }
waitpid $pid, 0;
print $? >> 8, "\n";
open my $p, '-|', 'sort', '-r', 'tree/numbers' or die;
print scalar <$p>;
close $p;
exit 3;
