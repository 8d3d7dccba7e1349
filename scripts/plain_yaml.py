"""Reads the plain part of YAML that this repository's own files keep to.

Block maps and lists, one-line flow maps and lists, scalars, comments. Anything else (anchors,
tags, block texts, tabs, keys given twice) is an error that names the line: better than a guess.
It exists so that the checks need nothing but Python itself.
"""

import re

SCALAR = re.compile(r"""'((?:[^']|'')*)'|"((?:[^"\\]|\\.)*)"|([^\s,'"\[\]{}#&*!|>%@`][^,\[\]{}]*)""")
KEY = re.compile(r"""('[^']*'|"[^"]*"|[^\s'"\[\]{}#&*!|>%@`,-][^:#]*?|-[^\s:#]+):(?:\s+(.*))?$""")


class Mistake(Exception):
    """A line that is not plain."""


def read(path):
    """The document in the file: maps, lists, texts, numbers and switches."""
    with open(path, encoding="utf-8") as file:
        return parse(file.read(), path)


def parse(text, name="text"):
    """The same, from a text."""
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        if "\t" in line:
            raise Mistake(f"{name}:{number}: a tab")
        content = without_comment(line)
        if content.strip():
            lines.append((len(content) - len(content.lstrip()), content.strip(), number))
    reader = Reader(lines, name)
    value = reader.block(lines[0][0]) if lines else None
    if reader.at < len(lines):
        raise reader.mistake("unexpected indentation")
    return value


def without_comment(line):
    quote = None
    for at, char in enumerate(line):
        if quote:
            quote = None if char == quote else quote
        elif char in "'\"" and (at == 0 or line[at - 1] in " [{,:-"):
            quote = char
        elif char == "#" and (at == 0 or line[at - 1] == " "):
            return line[:at].rstrip()
    return line.rstrip()


class Reader:
    """A place in the lines."""

    def __init__(self, lines, name):
        self.lines, self.name, self.at = lines, name, 0

    def mistake(self, what):
        _, content, number = self.lines[min(self.at, len(self.lines) - 1)]
        return Mistake(f"{self.name}:{number}: {what}: {content}")

    def block(self, indent):
        if self.lines[self.at][1].startswith("- ") or self.lines[self.at][1] == "-":
            return self.items(indent)
        return self.fields(indent)

    def items(self, indent):
        found = []
        while self.here(indent) and self.lines[self.at][1].startswith("-"):
            _, content, number = self.lines[self.at]
            rest = content[1:].lstrip()
            if not rest:
                raise self.mistake("an empty item")
            if KEY.match(rest):
                inner = indent + len(content) - len(rest)
                self.lines[self.at] = (inner, rest, number)
                found.append(self.fields(inner))
            else:
                found.append(self.flow(rest))
                self.at += 1
        return found

    def fields(self, indent):
        found = {}
        while self.here(indent):
            match = KEY.match(self.lines[self.at][1])
            if not match:
                raise self.mistake("neither key nor item")
            key = match[1].strip("'\"")
            if key in found:
                raise self.mistake("a key that was given before")
            rest = match[2]
            if rest:
                found[key] = self.flow(rest)
                self.at += 1
                continue
            self.at += 1
            below = self.lines[self.at] if self.at < len(self.lines) else None
            nested = below and (below[0] > indent or below[0] == indent and below[1][0] == "-")
            found[key] = self.block(below[0]) if nested else None
        return found

    def here(self, indent):
        return self.at < len(self.lines) and self.lines[self.at][0] == indent

    def flow(self, text):
        value, rest = self.value(text)
        if rest.strip():
            raise self.mistake("not plain YAML")
        return value

    def value(self, text):
        text = text.lstrip()
        if text[:1] in ("[", "{"):
            return self.collection(text)
        if text[:1] not in "'\"":
            # Outside of brackets a text may hold commas; inside, `collection` has cut it already.
            if not SCALAR.match(text):
                raise self.mistake("not plain YAML")
            return typed(text), ""
        match = SCALAR.match(text)
        if not match:
            raise self.mistake("an open quote")
        said = match[1].replace("''", "'") if match[1] is not None else match[2]
        return said, text[match.end():]

    def collection(self, text):
        closing = {"[": "]", "{": "}"}[text[0]]
        found, rest = ([] if closing == "]" else {}), text[1:].lstrip()
        while not rest.startswith(closing):
            key = None
            if closing == "}":
                key, colon, rest = rest.partition(":")
                if not colon:
                    raise self.mistake("an open bracket")
            if rest.lstrip()[:1] in "'\"[{":
                value, rest = self.value(rest)
            else:
                match = SCALAR.match(rest.lstrip())
                if not match:
                    raise self.mistake("an open bracket")
                value, rest = typed(match[0].strip()), rest.lstrip()[match.end():]
            if key is None:
                found.append(value)
            else:
                found[key.strip("'\" ")] = value
            rest = rest.lstrip()
            if rest.startswith(","):
                rest = rest[1:].lstrip()
            elif not rest.startswith(closing):
                raise self.mistake("an open bracket")
        return found, rest[1:]


def typed(text):
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return None if text in ("null", "~") else text
