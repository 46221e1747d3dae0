"""TCP and UDP between threads over the loopback: servers, refusals, half-closed and reset connections, time limits, both families."""
import errno, os, select, socket, threading

def name(call):
    try:
        return call()
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))

def echo(family, host):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, 0))
    s.listen(2)
    def serve():
        c, peer = s.accept()
        data = b''
        while part := c.recv(4096):
            data += part
        c.sendall(bytes(reversed(data)))
        c.close()
    t = threading.Thread(target=serve)
    t.start()
    c = socket.create_connection(s.getsockname()[:2])
    print(c.getpeername()[0], c.getsockname()[0], c.getpeername()[1] == s.getsockname()[1])
    c.sendall(bytes(range(256)) * 40)
    c.shutdown(socket.SHUT_WR)
    back = b''
    while part := c.recv(1000):
        back += part
    t.join()
    print(len(back), back[:4], name(lambda: c.send(b'x')), name(lambda: s.bind((host, 1))))

echo(socket.AF_INET, '127.0.0.1')
echo(socket.AF_INET6, '::1')

# one socket for both families
s = socket.create_server(('', 0), family=socket.AF_INET6, dualstack_ipv6=True)
c = socket.create_connection(('127.0.0.1', s.getsockname()[1]))
a, peer = s.accept()
print(peer[0], a.getsockname()[0], c.getpeername()[0])

# the address is taken; nobody listens; a machine elsewhere; an address of another machine
port = s.getsockname()[1]
t = socket.socket()
print(name(lambda: t.bind(('127.0.0.1', port))), name(lambda: t.bind(('192.0.2.77', 0))))
t.bind(('127.0.0.1', 0))
closed = t.getsockname()[1]
t.close()
print(name(lambda: socket.socket().connect(('127.0.0.1', closed))), name(lambda: socket.socket().recv(1)), name(lambda: socket.socket().send(b'x')))

# a connect that does not wait
n = socket.socket()
n.setblocking(False)
print(n.connect_ex(('127.0.0.1', port)) == errno.EINPROGRESS, select.select([], [n], [], 5)[1] == [n], n.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), n.connect_ex(('127.0.0.1', port)))
n = socket.socket()
n.setblocking(False)
print(n.connect_ex(('127.0.0.1', closed)) == errno.EINPROGRESS, select.select([], [n], [], 5)[1] == [n], errno.errorcode[n.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)])

# a reset: the peer closes with bytes unread, or by SO_LINGER
c.sendall(b'unread')
select.select([a], [], [])
a.close()
print(name(lambda: c.recv(10)), name(lambda: c.recv(10)), name(lambda: c.send(b'x')))

# time limits and poll
s = socket.create_server(('127.0.0.1', 0))
c = socket.create_connection(s.getsockname())
a = s.accept()[0]
a.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, b'\0' * 8 + (20000).to_bytes(8, 'little'))
print(name(lambda: a.recv(1)))
p = select.poll()
p.register(a, select.POLLIN | select.POLLOUT | select.POLLRDHUP)
print(p.poll(0)[0][1])
c.sendall(b'abc')
print(a.recv(2, socket.MSG_PEEK), a.recv(3, socket.MSG_WAITALL), p.poll(0)[0][1])
c.close()
print(p.poll(1000)[0][1] & select.POLLRDHUP != 0, a.recv(1), a.send(b'first'))
print(name(lambda: a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)), a.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), a.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), a.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN))

# datagrams
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(('127.0.0.1', 0))
v = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print(v.sendto(b'one', u.getsockname()), v.sendto(b'', u.getsockname()), u.recvfrom(10)[0], u.recvfrom(10)[0])
v.connect(u.getsockname())
v.send(b'four')
data, back = u.recvfrom(2)
print(data, u.sendto(b'answer', back), v.recv(100), name(lambda: u.send(b'x')), name(lambda: v.send(b'x' * 70000)))
u.close()
print(v.send(b'lost'), name(lambda: v.send(b'told')))
print(socket.getaddrinfo('localhost', 80, socket.AF_INET, socket.SOCK_STREAM)[0][4], socket.gethostbyname('127.0.0.1'), socket.if_nametoindex('lo'))

# a datagram socket that is connected, disconnected (AF_UNSPEC) and connected again chooses its address anew, as getaddrinfo's does that sorts
import ctypes
libc = ctypes.CDLL(None)
def again(bound):
    d = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    if bound:
        d.bind(('::', 23456))
    mine = d.getsockname()[1]
    for host in ('::1', '::ffff:127.0.0.1'):
        d.connect((host, 9))
        print(d.getsockname()[0], d.getsockname()[1] == mine, d.getpeername()[:2])
        print(libc.connect(d.fileno(), bytes(16), 16), d.getsockname()[0], d.getsockname()[1] == mine, name(d.getpeername))
    d.connect(('::1', 0))
    print(name(d.getpeername))
again(False)
again(True)
print(sorted({a[4][0] for a in socket.getaddrinfo(None, 80, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)}))

# rtnetlink: an interface by its name
import struct
n = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
for interface in (b'lo\0\0', b'xy\0\0'):
    n.send(struct.pack('=IHHII16xHH4s', 40, 18, 1, 1, 0, 7, 3, interface))
    r = n.recv(65536)
    print(struct.unpack_from('=H', r, 4)[0], struct.unpack_from('=i', r, 16 if interface[0] == 120 else 20)[0])
