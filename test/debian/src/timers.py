"""Timers of CPU time, descriptors of processes, and limits that a program meets."""
import os, resource, select, signal, threading, time

n = 0
def count(*_):
    global n
    n += 1

signal.signal(signal.SIGPROF, count)
signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01)
while n < 3:
    pass
print(signal.getitimer(signal.ITIMER_PROF)[1])
signal.setitimer(signal.ITIMER_PROF, 0)
signal.signal(signal.SIGVTALRM, count)
signal.setitimer(signal.ITIMER_VIRTUAL, 0.01)
n = 0
while n < 1:
    pass
print(n, signal.getitimer(signal.ITIMER_VIRTUAL))
print(time.clock_gettime(time.pthread_getcpuclockid(threading.get_ident())) > 0)

child = os.fork()
if child == 0:
    time.sleep(0.05)
    os._exit(5)
fd = os.pidfd_open(child)
print(select.select([fd], [], [], 0)[0], select.select([fd], [], [], 5)[0] == [fd], os.waitid(os.P_PIDFD, fd, os.WEXITED).si_status)
child = os.fork()
if child == 0:
    time.sleep(9)
signal.pidfd_send_signal(os.pidfd_open(child), signal.SIGTERM)
print(os.waitpid(child, 0)[1])

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
f = os.open('limited', os.O_CREAT | os.O_RDWR)
print(os.write(f, b'x' * 900), os.write(f, b'x' * 900))
try:
    os.write(f, b'x')
except OSError as e:
    print(e)
resource.setrlimit(resource.RLIMIT_AS, (400 << 20, resource.RLIM_INFINITY))
try:
    bytearray(500 << 20)
except MemoryError:
    print('MemoryError')
print(os.listxattr('.'), os.getpriority(os.PRIO_PGRP, 0))
