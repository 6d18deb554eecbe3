"""Holds what the adapter composes against validators of others. `.ci/validators` calls it.

    validate.py pyrofile FOLDER DEFINITIONS PROFILES...
    validate.py hfs FOLDER BASE_URL PROFILES...
    validate.py r4b FOLDER
    validate.py r5 FOLDER

FOLDER holds the files that the test `validators` writes: a line for each resource. PROFILES are folders of StructureDefinitions
and ValueSets. Every kind of message must stand in `known.toml` beside this file, with the reason why it is none of our faults;
a message that does not, and one there that no longer comes, ends the run with 1. So does a planted fault that is not found,
for a validator that says nothing may have looked at nothing.
"""

import collections
import functools
import http.client
import json
import multiprocessing
import pathlib
import re
import sys
import tempfile
import tomllib
import urllib.parse

HERE = pathlib.Path(__file__).parent
DEFINITION_FILES = ["profiles-resources", "profiles-types", "extension-definitions", "valuesets", "v3-codesystems", "v2-tables"]
PLANTED = "planted: "
SHOWN = 3


def main(validator, folder, *rest):
    run = {"pyrofile": pyrofile, "hfs": hfs, "r4b": r4b, "r5": r5}[validator]
    folder = pathlib.Path(folder)
    messages = collections.defaultdict(list)
    count = 0
    missed = []
    for place, found in run(folder, *rest):
        if place.startswith(PLANTED):
            if not any((severity, kind, general(message)) not in known_of(validator) for severity, kind, message in found):
                missed.append(place)
            continue
        count += 1
        for severity, kind, message in found:
            messages[(severity, kind, general(message))].append(place)
    known = known_of(validator)
    new, gone = messages.keys() - known, known - messages.keys()
    for key in sorted(new):
        print(f"new: {' | '.join(key)}: {len(messages[key])} times, such as {sorted(set(messages[key]))[:SHOWN]}")
    for key in sorted(gone):
        print(f"no longer said: {' | '.join(key)}")
    for place in missed:
        print(f"not found: {place}")
    seen = sum(len(places) for key, places in messages.items() if key in known)
    print(f"{validator}: {count} resources; {len(messages.keys() & known)} known kinds of message, {seen} times; {len(new)} new kinds")
    return 1 if new or gone or missed or not count else 0


@functools.cache
def known_of(validator):
    """Severity, type and text of the messages of a validator that are no faults."""
    entries = tomllib.loads((HERE / "known.toml").read_text(encoding="utf-8"))["known"]
    return {
        (entry["severity"], resource, message.replace("{resource}", resource))
        for entry in entries
        if entry["validator"] == validator
        for resource in entry["resources"]
        for message in entry["messages"]
    }


def planted(folder, name, profiles=True):
    """Resources of the file, each with one fault."""
    firsts = {}
    for line in lines(folder, name):
        resource = line["resource"]
        claims = resource.get("meta", {}).get("profile", [])
        for key in [resource["resourceType"], *[claim.rsplit("/", 1)[-1] for claim in claims]]:
            firsts.setdefault(key, json.dumps(resource))

    def fault(what, key, change):
        resource = json.loads(firsts[key])
        change(resource)
        return {"place": f"{PLANTED}{what}", "resource": resource}

    yield fault("an Observation without status", "Observation", lambda one: one.pop("status"))
    yield fault("an unknown element", "Observation", lambda one: one.update(her2="positive"))
    yield fault("a date in another form", "Observation", lambda one: one.update(issued="02/01/2026"))
    yield fault("a component without code", "Observation", lambda one: one["component"][0].pop("code"))
    yield fault("a Provenance without agent", "Provenance", lambda one: one.pop("agent"))
    yield fault("a Task without intent", "Task", lambda one: one.pop("intent"))
    if profiles:
        yield fault("mCODE without value", "mcode-tumor-marker-test", lambda one: one.pop("valueCodeableConcept"))
        yield fault("mCODE without subject", "mcode-tumor-marker-test", lambda one: one.pop("subject"))
        yield fault("ICHOM with another code", "her-status", lambda one: one["code"]["coding"][0].update(code="85319-2"))
        yield fault("MII without subject", "mii-pr-onko-mamma-her2neu-status", lambda one: one.pop("subject"))
        yield fault(
            "MII with another code", "mii-pr-onko-mamma-her2neu-status", lambda one: one["code"]["coding"][0].update(code="85319-2")
        )


def general(message):
    """A message without what differs from resource to resource."""
    message = re.sub(r"\[\d+\]", "[]", message)
    message = re.sub(r"urn:[\w:.\-]+", "urn:…", message)
    message = re.sub(r"(?<![/\w])[A-Z]\w+/[\w.\-]+(/_history/[\w.\-]+)?", "Type/id", message)
    return re.sub(r"(?<![/\w])https?://(?!hl7\.org|terminology\.hl7\.org|loinc\.org|snomed\.info)[^\s'\"|)]+/[A-Z]\w+/[\w.\-]+", "…/Type/id", message)


def lines(folder, *names):
    for name in names:
        with open(folder / name, encoding="utf-8") as file:
            yield from (json.loads(line) for line in file)


def profiles_in(folders):
    for folder in folders:
        for path in sorted(pathlib.Path(folder).glob("*.json")):
            resource = json.loads(path.read_text(encoding="utf-8"))
            if resource["resourceType"] in ("StructureDefinition", "ValueSet", "CodeSystem"):
                yield resource


def pyrofile(folder, definitions, *profiles):
    with tempfile.TemporaryDirectory() as unpacked:
        for name in DEFINITION_FILES:
            bundle = json.loads(pathlib.Path(definitions, f"{name}.json").read_text(encoding="utf-8"))
            for entry in bundle["entry"]:
                resource = entry["resource"]
                path = pathlib.Path(unpacked, f"{resource['resourceType']}-{resource['id']}.json")
                path.write_text(json.dumps(resource), encoding="utf-8")
        ours = pathlib.Path(unpacked, "ours")
        ours.mkdir()
        for line in lines(folder, "exported.ndjson"):
            resource = line["resource"]
            path = ours / f"{resource['resourceType']}-{resource['id']}.json"
            path.write_text(json.dumps(resource), encoding="utf-8")
        work = [*planted(folder, "r4.ndjson"), *lines(folder, "r4.ndjson", "passes.ndjson", "exported.ndjson")]
        with multiprocessing.Pool(initializer=start_pyrofile, initargs=([unpacked, str(ours), *profiles],)) as pool:
            yield from pool.imap_unordered(ask_pyrofile, work, chunksize=20)


def start_pyrofile(paths):
    import os

    from pyrofile_validator.config import ValidatorConfig
    from pyrofile_validator.core.engine import Validator

    global VALIDATOR
    # It traces what it does on standard output.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    VALIDATOR = Validator(ValidatorConfig(local_package_paths=paths))


def ask_pyrofile(line):
    issues = VALIDATOR.validate_resource(line["resource"]).issues
    kind = line["resource"]["resourceType"]
    return line["place"], [(issue.severity.value, kind, f"{issue.code}: {issue.path}: {issue.message}") for issue in issues]


def hfs(folder, base, *profiles):
    address = urllib.parse.urlsplit(base)

    def ask(method, path, resource):
        # A connection for each request: with a refusal the server closes it at a moment of its own.
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        try:
            connection.request(method, path, json.dumps(resource), {"Content-Type": "application/fhir+json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        finally:
            connection.close()

    ours = [line["resource"] for line in lines(folder, "exported.ndjson")]
    for resource in [*profiles_in(profiles), *ours]:
        status, answer = ask("PUT", f"/{resource['resourceType']}/{resource['id']}", resource)
        if status not in (200, 201):
            yield resource["url"], [("error", resource["resourceType"], f"not taken: {status} {answer}")]
    for line in [*planted(folder, "r4.ndjson"), *lines(folder, "r4.ndjson", "passes.ndjson", "exported.ndjson")]:
        kind = line["resource"]["resourceType"]
        status, outcome = ask("POST", f"/{kind}/$validate", line["resource"])
        issues = outcome.get("issue", [{"severity": "error", "code": f"{status} without an OperationOutcome"}])
        yield line["place"], [
            (issue["severity"], kind, f"{issue['code']}: {' '.join(issue.get('expression', []))}: {text_of(issue)}")
            for issue in issues
            if issue["severity"] != "information"
        ]


def text_of(issue):
    return issue.get("diagnostics") or issue.get("details", {}).get("text", "")


def r4b(folder):
    """R4B is the nearest to R4 that fhir.resources has; what we write of R4 is the same in both."""
    from fhir.resources.R4B import get_fhir_model_class

    work = [*planted(folder, "r4.ndjson", profiles=False), *lines(folder, "r4.ndjson", "passes.ndjson", "exported.ndjson")]
    return by_models(work, get_fhir_model_class)


def r5(folder):
    from fhir.resources import get_fhir_model_class

    return by_models([*planted(folder, "r5.ndjson", profiles=False), *lines(folder, "r5.ndjson")], get_fhir_model_class)


def by_models(work, model_of):
    from pydantic import ValidationError

    for line in work:
        kind = line["resource"]["resourceType"]
        found = []
        try:
            model_of(kind).model_validate(line["resource"])
        except ValidationError as error:
            found = [("error", kind, f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") for fault in error.errors()]
        yield line["place"], found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
