import asyncio
async def f(n):
    await asyncio.sleep(n / 100)
    return n
async def main():
    print(await asyncio.gather(*[f(i) for i in range(5)]))
    p = await asyncio.create_subprocess_exec("echo", "sub", stdout=-1)
    print(await p.communicate())
    s = await asyncio.start_unix_server(lambda r, w: (w.write(b"hi\n"), w.close()), "sock")
    r, w = await asyncio.open_unix_connection("sock")
    print(await r.readline())
    w.close()
    s.close()
asyncio.run(main())
