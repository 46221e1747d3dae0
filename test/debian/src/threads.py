import queue, threading, time
q, o, l = queue.Queue(), [], threading.Lock()
def work():
    while (i := q.get()) is not None:
        with l:
            o.append(i * i)
threads = [threading.Thread(target=work) for _ in range(4)]
for t in threads:
    t.start()
for i in list(range(50)) + [None] * 4:
    q.put(i)
for t in threads:
    t.join()
print(sorted(o))
e = threading.Event()
threading.Timer(0.02, e.set).start()
print(e.wait(5), e.wait(0.01))
