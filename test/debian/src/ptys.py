import fcntl, os, pty as ptys, signal, struct, termios, time
def session(argv, typed, size=(30, 100)):
    pid, fd = ptys.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        os.execvp(argv[0], argv)
    out = b""
    sent = 0
    try:
        while True:
            d = os.read(fd, 1000)
            if not d:
                break
            out += d
            if sent < len(typed) and typed[sent][0] in out:
                os.write(fd, typed[sent][1])
                sent += 1
    except OSError as e:
        print(e)
    print(out, os.waitpid(pid, 0)[1])
    os.close(fd)
session(["sh", "-c", "test -t 0 && echo tty; stty size; echo ready; read x; echo got $x"], [(b"ready", b"helx\x7flo\n")])
session(["sh", "-c", "echo go; cat"], [(b"go", b"one\ntwo\n\x04")])
session(["sh", "-c", "trap 'echo int; exit 3' INT; echo go; while :; do sleep 0.01; done"], [(b"go", b"\x03")])
session(["sh", "-c", "stty -icanon -echo min 1; echo go; dd bs=1 count=2 2>/dev/null; echo; echo done > /dev/tty"], [(b"go", b"ab")])
m, s = os.openpty()
print(os.isatty(s), termios.tcgetattr(s)[3] & termios.ECHO != 0)
os.write(s, b"x\n")
print(os.read(m, 10))
os.close(s)
