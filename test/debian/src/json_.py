import json
d = json.loads('{"a": [1, 2.5, null, true], "b": {"c": "\\u00e9"}}')
print(json.dumps(d, indent=1, sort_keys=True))
