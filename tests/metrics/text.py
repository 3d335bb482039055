# SPDX-License-Identifier: MIT
"""Reads what `regtool metrics` prints, strictly, in both forms, for tests/cli_metrics.sh and cli_serve.sh.

   text.py check FORM FILE               exit status 1 and a reason, if it is not the form it should be
   text.py value FILE NAME [LABEL=VALUE ...]     the sum of the samples that have these labels
   text.py used FILE CONTRIB             exit status 1 if an alert's or a panel's expression in the folder
                                         CONTRIB uses a metric, or a value of a label, that FILE has not
"""
import json
import os
import re
import sys

NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
SUFFIX = {"counter": "_total", "info": "_info", "gauge": ""}
UNITS = ("bytes", "seconds")
STATES = ("unknown", "running", "stopped", "dumping", "zombie", "forged", "starting", "restarting", "failed")
# No family has more samples of one registry: owners and names are no labels. Services have one for each state, of each of
# the first hundred namespaces, and of the others together.
SAMPLES_MAX = len(STATES) * 101


class Wrong(Exception):
    pass


def unescaped(text):
    return re.sub(r'\\(.)', lambda m: "\n" if m[1] == "n" else m[1], text)


def sample(line):
    found = NAME.match(line)
    if not found:
        raise Wrong("no name: " + line)
    name, at, labels = found[0], found.end(), {}
    if line[at:at + 1] == "{":
        at += 1
        while True:
            found = LABEL.match(line, at)
            if not found:
                raise Wrong("no label: " + line)
            if found[1] in labels:
                raise Wrong("a label twice: " + line)
            labels[found[1]] = unescaped(found[2])
            at = found.end()
            if line[at] == "}":
                break
            if line[at] != ",":
                raise Wrong("no comma: " + line)
            at += 1
        at += 1
    # Times have milliseconds, all others are whole numbers.
    if not re.fullmatch(r" [0-9]+(\.[0-9]{3})?", line[at:]) or ("." in line[at:] and not name.endswith("_seconds")):
        raise Wrong("no value: " + line)
    return name, labels, float(line[at:]) if "." in line[at:] else int(line[at:])


def read(file):
    with open(file, "rb") as f:
        text = f.read().decode("utf-8")
    if not text.endswith("\n"):
        raise Wrong("the last line does not end")
    return text[:-1].split("\n")


def samples(file):
    return [sample(line) for line in read(file) if not line.startswith("#")]


class Family:
    def __init__(self, name):
        self.name, self.type, self.unit, self.help = name, None, None, None
        self.seen = set()
        self.counts = {}  # by registry


def comment(line, family, families):
    word, name, rest = re.fullmatch(r"# (HELP|TYPE|UNIT) (\S+) (.+)", line).groups()
    if not family or family.name != name:
        if name in families:
            raise Wrong("a family is in two places: " + name)
        family = families[name] = Family(name)
    if family.seen:
        raise Wrong("what a family is comes after its samples: " + line)
    key = word.lower()
    if getattr(family, key):
        raise Wrong("twice: " + line)
    setattr(family, key, rest)
    return family


def check_sample(line, family, openmetrics):
    name, labels, value = sample(line)
    if not family or not family.help or family.type not in SUFFIX:
        raise Wrong("without help or type: " + line)
    if name != family.name + (SUFFIX[family.type] if openmetrics else ""):
        raise Wrong("not of its family, " + family.name + ": " + line)
    if (family.type == "counter") != name.endswith("_total"):
        raise Wrong("_total is for counters: " + line)
    if family.type == "info" and value != 1:
        raise Wrong("an info is 1: " + line)
    if family.name == "kreg_services" and labels["state"] not in STATES:
        raise Wrong("no state of services: " + line)
    key = tuple(sorted(labels.items()))
    if key in family.seen:
        raise Wrong("twice: " + line)
    family.seen.add(key)
    registry = tuple(labels.get(each) for each in ("registry", "uid", "directory"))
    family.counts[registry] = family.counts.get(registry, 0) + 1
    if family.counts[registry] > SAMPLES_MAX:
        raise Wrong("too many samples: " + name)


def check(form, file):
    openmetrics = form == "openmetrics"
    lines, family, families = read(file), None, {}
    if openmetrics and lines.pop() != "# EOF":
        raise Wrong("the end is missing")
    for line in lines:
        if line.startswith("#"):
            family = comment(line, family, families)
        else:
            check_sample(line, family, openmetrics)
    for family in families.values():
        if not family.name.startswith("kreg_"):
            raise Wrong("not kreg_: " + family.name)
        unit = [u for u in UNITS if re.search("_" + u + "(_total)?$", family.name)]
        if openmetrics and family.unit != (unit[0] if unit else None):
            raise Wrong("the unit is missing, or not in the name: " + family.name)


def expressions(folder):
    """Where each is, and its text."""
    with open(os.path.join(folder, "prometheus/kreg.rules.yml")) as f:
        alert = None
        for line in f:
            found = re.match(r"\s*(- alert|expr): (.+)", line)
            if found and found[1] == "expr":
                yield alert, found[2]
            elif found:
                alert = found[2]
    with open(os.path.join(folder, "grafana/kreg.json")) as f:
        dashboard = json.load(f)
    ids, places = set(), set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        corner = place["x"], place["y"]
        if panel["id"] in ids or corner in places or place["x"] + place["w"] > 24:
            raise Wrong("a panel in the place of another: " + panel["title"])
        ids.add(panel["id"])
        places.add(corner)
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]


def used(file, folder):
    printed, values = {}, {}
    for name, labels, _ in samples(file):
        printed.setdefault(name, set()).update(labels)
        for label, value in labels.items():
            values.setdefault((name, label), set()).add(value)
    count = 0
    for place, expression in expressions(folder):
        names = re.findall(r"\bkreg_[a-z_]+", expression)
        if not names:
            raise Wrong("%s: no metric: %s" % (place, expression))
        for name in names:
            if name not in printed:
                raise Wrong("%s: %s is not printed" % (place, name))
        for name, selector in re.findall(r"\b(kreg_[a-z_]+)\{([^}]*)\}", expression):
            for label, wanted in re.findall(r'([a-z_]+)=~?"([^"]*)"', selector):
                if label != "instance" and label not in printed[name]:
                    raise Wrong("%s: %s has no label %s" % (place, name, label))
                for value in wanted.split("|"):
                    if "$" not in value and value not in values[name, label]:
                        raise Wrong("%s: no %s of %s is %s" % (place, label, name, value))
        count += 1
    print("%d expressions" % count)


def main(word, *rest):
    if word == "check":
        check(*rest)
    elif word == "value":
        file, name, *wanted = rest
        wanted = dict(each.split("=", 1) for each in wanted)
        found = [v for n, labels, v in samples(file) if n == name and wanted.items() <= labels.items()]
        if not found:
            raise Wrong("no sample: " + name)
        print(sum(found))
    elif word == "used":
        used(*rest)
    else:
        raise Wrong("no word")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Wrong as wrong:
        sys.exit("not so: %s" % wrong)
