import multiprocessing, os
c = multiprocessing.get_context("fork")
q = c.SimpleQueue()
p = c.Process(target=lambda: q.put(6 * 7))
p.start()
print(q.get())
p.join()
print(p.exitcode)
