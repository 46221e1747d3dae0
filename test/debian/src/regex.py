import re
t = open("tree/words.txt").read()
print(re.findall(r"lost(\d+)", t)[:20], len(re.sub(r"[aeiou]", "", t)))
