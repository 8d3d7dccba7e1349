"""Reads the files of a block with pyarrow and puts the long texts back where they were.

    python tests/blocks/read.py BLOCKS

BLOCKS is the folder of blocks. Prints one JSON object: the types of the columns, and every span
and log record with its attributes, each as [key, letter, text]. How texts and pieces of content
belong together is told in docs/STORAGE.md.
"""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def types(table):
    return {field.name: str(field.type) for field in table.schema}


def texts(row, contents, values):
    """The texts of values, in order, with the letters in lower case."""
    numbers = iter(row["content"])
    for letter, text in zip(row["attribute_types"], values):
        if letter.isupper():
            text = "".join(contents[next(numbers)] for _ in range(int(text)))
        yield letter.lower(), text


def attributes(row, contents, before=()):
    pairs = row["attributes"] or []
    found = list(texts(row, contents, [*before, *(text for _, text in pairs)]))
    keys = [key for key, _ in pairs]
    rest = found[len(before):]
    return found[:len(before)], [[key, *told] for key, told in zip(keys, rest)]


def rows(table, times):
    for name in times:
        index = table.schema.get_field_index(name)
        table = table.set_column(index, name, table.column(name).cast(pa.int64()))
    return table.to_pylist()


def read(folder):
    answer = {"types": {}, "spans": [], "logs": []}
    for seal in sorted(folder.glob("*.block")):
        part = lambda name: seal.with_suffix(f".{name}.parquet")
        content = pq.read_table(part("content"))
        answer["types"]["content"] = types(content)
        contents = content.column("text").to_pylist()
        if part("spans").exists():
            table = pq.read_table(part("spans"))
            answer["types"]["spans"] = types(table)
            for row in rows(table, ["start_time"]):
                _, pairs = attributes(row, contents)
                span = {key: row[key] for key in ["name", "service", "start_time", "duration_ns"]}
                span["trace_id"], span["span_id"] = row["trace_id"].hex(), row["span_id"].hex()
                answer["spans"].append({**span, "attributes": pairs})
        if part("logs").exists():
            table = pq.read_table(part("logs"))
            answer["types"]["logs"] = types(table)
            for row in rows(table, ["time", "observed_time"]):
                [body], pairs = attributes(row, contents, [row["body"]])
                record = {key: row[key] for key in ["time", "observed_time", "event_name"]}
                answer["logs"].append({**record, "body": body, "attributes": pairs})
    return answer


if __name__ == "__main__":
    json.dump(read(Path(sys.argv[1])), sys.stdout)
