print(sum(i * i for i in range(1000)), 0.1 + 0.2, [x / 7 for x in range(5)], hash(3.5), 2**200, "é".encode())
class A:
    def __repr__(self):
        return f"{self.__class__.__name__:>5}"
print(sorted({"b": 1, "a": A()}.items()))
try:
    1 // 0
except ZeroDivisionError as e:
    print(e)
