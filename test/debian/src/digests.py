import hashlib
d = open("tree/words.txt", "rb").read()
print(hashlib.sha256(d).hexdigest(), hashlib.md5(d).hexdigest(), hashlib.blake2b(d).hexdigest())
