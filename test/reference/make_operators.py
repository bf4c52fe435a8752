"""Writes operators.json: every operator of the standard's domain up to opset 13 with the opsets at which it came or changed.

Run with the onnx package: python make_operators.py
"""
import json
from collections import defaultdict
from pathlib import Path

import onnx.defs

OLDEST, NEWEST = 9, 13

versions = defaultdict(set)
for schema in onnx.defs.get_all_schemas_with_history():
    if schema.domain == "" and schema.since_version <= NEWEST:
        versions[schema.name].add(max(schema.since_version, OLDEST))

lines = [f"{json.dumps(name)}: {json.dumps(sorted(found))}" for name, found in sorted(versions.items())]
Path(__file__).with_name("operators.json").write_text("{\n  " + ",\n  ".join(lines) + "\n}\n")
