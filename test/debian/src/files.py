import fcntl, mmap, os, shutil, tempfile
d = tempfile.mkdtemp(dir=".")
f = open(d + "/x", "w+b")
f.write(b"0" * 5000)
f.flush()
m = mmap.mmap(f.fileno(), 0)
m[4096:4100] = b"abcd"
m.flush()
print(os.stat(d + "/x").st_size, open(d + "/x", "rb").read()[4090:4104])
fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
fcntl.lockf(f, fcntl.LOCK_EX)
m.close()
shutil.rmtree(d)
print(sorted(os.listdir("tree")), os.cpu_count() > 0, os.getloadavg() is not None)
a, b = os.pipe2(os.O_CLOEXEC)
os.write(b, b"x")
print(os.read(a, 5), os.get_inheritable(a))

# a hole reads as zeros, in mappings too
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for fd in (os.open("hole", os.O_RDWR | os.O_CREAT), os.memfd_create("hole")):
    os.write(fd, b"x" * 16384)
    view = mmap.mmap(fd, 16384)
    for mode, offset, length in ((3, 4096, 4096), (3, 100, 9000), (3, 16000, 100000), (2, 0, 4096), (3, 0, 0), (3, -1, 5)):
        r = libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length))
        print(mode, offset, length, r, ctypes.get_errno() if r else 0, view[:].count(b"x"), os.fstat(fd).st_size, os.pread(fd, 3, 99))

# RLIMIT_FSIZE holds writes, and what makes a file longer; SIGXFSZ goes with it
import resource, signal
got = []
signal.signal(signal.SIGXFSZ, lambda *a: got.append(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 20000))
def limited(call, *args):
    got.clear()
    try:
        result = call(*args)
    except OSError as e:
        result = e.errno
    print(call.__name__, args[1:] if call is not os.write else len(args[1]), result, len(got))
with open('limited', 'wb') as f:
    fd = f.fileno()
    for call, args in ((os.write, (bytes(30000),)), (os.write, (b'x',)), (os.ftruncate, (10000,)), (os.ftruncate, (10001,)), (os.ftruncate, (5000,)), (os.posix_fallocate, (0, 10000)), (os.posix_fallocate, (0, 10001)), (os.pwrite, (bytes(10), 9995)), (os.pwrite, (bytes(10), 10000))):
        limited(call, fd, *args)
    limited(os.truncate, 'limited', 15000)
print(os.stat('limited').st_size)
