import subprocess
r = subprocess.run(["wc", "-l", "tree/numbers"], capture_output=True, text=True)
print(r.stdout, r.returncode)
p = subprocess.Popen("cat | tr a-z A-Z", shell=True, stdin=-1, stdout=-1)
print(p.communicate(b"hello"))
print(subprocess.call(["sh", "-c", "kill -9 $$"]))
