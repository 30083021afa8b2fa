"""The schema of Terraform's Google provider, from the bindings that are published for Python.

Terraform asks a provider for its schema: resources, their arguments, types, which are required or computed. The real
provider comes from Terraform's registry; the package cdktn-provider-google carries generated bindings of the same
version, as JavaScript within a jsii archive. They tell all of the schema but which values are sensitive (guessed by
name here), what forces a replacement, which arguments exclude each other, defaults, ranges, and numbers of blocks other
than at most one and at least one. Policies stand in for what matters of those.

The result has the shape of `terraform providers schema -json`, with two additions to an attribute: `possible_values`
and `write_only`.
"""

import io
import json
import re
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

SOURCE: Final = "registry.terraform.io/hashicorp/google"

Schema = dict[str, Any]

_CLASS: Final = re.compile(r"^class (\w+) extends cdktn\.(\w+) \{$", re.M)
_MEMBER: Final = re.compile(r"^    // (\w+) - computed: (\w+), optional: (\w+), required: (\w+)$", re.M)
_TO_HCL: Final = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{(.*?)^\}", re.M | re.S)
_HCL_ATTRIBUTE: Final = re.compile(
    r"^        (?:    )?(\w+): \{\n.*?isBlock: (\w+),\s+type: \"(\w+)\",\s+storageClassType: \"(\w+)\"", re.M | re.S
)
_NESTED: Final = re.compile(
    r"new (?:(?!cdktn)\w+\.)?(\w+?)(OutputReference|List|Map)\(this, \"\w+\"(?:, (true|false))?\)"
)
_INTERFACE: Final = re.compile(r"^export interface (\w+) (?:extends [\w.]+ )?\{(.*?)^\}", re.M | re.S)
_DOCUMENTED: Final = re.compile(r"/\*\*(.*?)\*/\s+readonly (\w+)\??:", re.S)
_POSSIBLE: Final = re.compile(r"Possible values: \[([^\]]*)\]")
_SENSITIVE: Final = re.compile(r"(^|_)(root_)?password(_wo)?$|secret_data(_wo)?$|private_key$|auth_string$|^payload$")
_DEPRECATED: Final = re.compile(r"@deprecated|\bdeprecated\b.{0,40}(will be removed|in favor)")
_MEMBER_TEXT: Final = 1200
_PRIMITIVES: Final = {"String": "string", "Number": "number", "Boolean": "bool", "boolean": "bool"}


@dataclass
class _Member:
    """One argument or block of a class, and the code that follows it."""

    computed: bool
    optional: bool
    required: bool
    code: str


@dataclass
class _Module:
    """The bindings of one resource: its classes with their members, and what else tells of types."""

    members: dict[str, dict[str, _Member]] = field(default_factory=dict)
    bases: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The base class of each class, and its code."""
    hcl: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    """For each struct and argument the type and the storage class."""
    docs: dict[str, dict[str, str]] = field(default_factory=dict)


def extract(bindings: Path) -> Schema:
    """The whole schema: some 1,400 resources, in 10 to 20 s.

    bindings: the jsii archive (.jsii.tgz), or a wheel that carries it.
    """
    resources: Schema = {}
    sources: Schema = {}
    provider: Schema = {}
    for module in _modules(bindings):
        for name, (base, code) in module.bases.items():
            if base not in ("TerraformResource", "TerraformDataSource", "TerraformProvider"):
                continue
            kind = re.search(r'static tfResourceType = "(\w+)"', code)
            assert kind, name
            try:
                attributes, blocks = _block(name, module)
            except RecursionError:  # two nesting levels share one class name: no such resource is used here
                continue
            schema = {"version": 0, "block": _cleaned({"attributes": attributes, "block_types": blocks})}
            if base == "TerraformProvider":
                attributes.pop("alias", None)
                provider = schema
            else:
                (resources if base == "TerraformResource" else sources)[kind[1]] = schema
    content = {"provider": provider, "resource_schemas": resources, "data_source_schemas": sources}
    return {"format_version": "1.0", "provider_schemas": {SOURCE: content}}


def version(bindings: Path) -> str:
    """Which version of the provider the bindings are of, such as `8.7.0`."""
    with _archive(bindings) as archive:
        for entry in archive:
            if entry.name.endswith("/lib/provider/index.js"):
                found = re.search(r"providerVersion: '([^']+)'", _text(archive, entry))
                assert found
                return found[1]
    raise ValueError(f"{bindings.name} has no provider")


def cached(bindings: Path, folder: Path) -> Path:
    """The schema in a file of the folder, extracted if it is not there yet."""
    path = folder / f"{bindings.name.removesuffix('.tgz')}.schema.json"
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps({**extract(bindings), "version": version(bindings)}), encoding="utf-8")
        unfinished.rename(path)
    return path


def _archive(bindings: Path) -> tarfile.TarFile:
    if bindings.suffix != ".whl":
        return tarfile.open(bindings)
    with zipfile.ZipFile(bindings) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
        return tarfile.open(fileobj=io.BytesIO(wheel.read(name)))


def _text(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    file = archive.extractfile(entry)
    assert file
    return file.read().decode()


def _modules(bindings: Path) -> Iterator[_Module]:
    """The bindings, resource by resource: each has a folder of its own under lib/."""
    code: defaultdict[str, list[str]] = defaultdict(list)
    types: defaultdict[str, list[str]] = defaultdict(list)
    with _archive(bindings) as archive:
        for entry in archive:
            parts = entry.name.split("/")
            if len(parts) >= 4 and parts[1] == "lib" and parts[-1].endswith((".js", ".d.ts")):
                (types if parts[-1].endswith(".d.ts") else code)[parts[2]].append(_text(archive, entry))
    for name in sorted(code):
        yield _parsed("\n".join(code[name]), "\n".join(types[name]))


def _parsed(code: str, types: str) -> _Module:
    module = _Module()
    for found, body in _sections(_CLASS, code):
        members = {}
        for member, following in _sections(_MEMBER, body):
            computed, optional, required = (flag == "true" for flag in member.groups()[1:])
            rest = following.split("\n}\n")[0][:_MEMBER_TEXT]
            members[member[1]] = _Member(computed, optional, required, rest)
        module.members[found[1]], module.bases[found[1]] = members, (found[2], body)
    for function in _TO_HCL.finditer(code):
        module.hcl[function[1]] = _storage(function[2])
    for interface in _INTERFACE.finditer(types):
        module.docs[interface[1]] = {doc[2]: _plain(doc[1]) for doc in _DOCUMENTED.finditer(interface[2])}
    return module


def _sections(pattern: re.Pattern[str], text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each match, with the text up to the next one."""
    found = list(pattern.finditer(text))
    starts = [match.start() for match in found] + [len(text)]
    return ((match, text[match.end() : end]) for match, end in zip(found, starts[1:], strict=True))


def _storage(code: str) -> dict[str, tuple[str, str]]:
    return {each[1]: (each[3], each[4]) for each in _HCL_ATTRIBUTE.finditer(code)}


def _plain(comment: str) -> str:
    return " ".join(line.strip(" *") for line in comment.split("\n") if "Docs at Terraform" not in line).strip()


def _block(name: str, module: _Module, depth: int = 0) -> tuple[Schema, Schema]:
    """The attributes and block types of a class. Raises RecursionError if it contains itself."""
    if depth > 12:
        raise RecursionError(name)
    struct = name.removesuffix("OutputReference")
    storage = module.hcl.get(struct[0].lower() + struct[1:], {})
    base, code = module.bases[name]
    if base.startswith("Terraform"):
        storage = _storage(code.split("synthesizeHclAttributes()")[-1])
    docs = module.docs.get(struct) or module.docs.get(f"{struct}Config") or {}
    attributes: Schema = {}
    blocks: Schema = {}
    for argument, member in module.members[name].items():
        doc = docs.get(re.sub(r"_(\w)", lambda match: match[1].upper(), argument), "")
        nested = _NESTED.search(member.code)
        if nested is None:
            attributes[argument] = _described(
                {"type": _type(member.code, storage.get(argument))}, argument, member, doc
            )
            continue
        kind = "set" if nested[3] == "true" else storage[argument][0] if argument in storage else "list"
        inner = _block(f"{nested[1]}OutputReference", module, depth + 1)
        if member.computed:  # a block is never computed: this is an attribute of an object type
            attributes[argument] = _described({"type": _object(inner, kind)}, argument, member, doc)
        else:
            blocks[argument] = _nested(inner, kind, member, single=nested[2] == "OutputReference")
    return attributes, blocks


def _nested(inner: tuple[Schema, Schema], kind: str, member: _Member, *, single: bool) -> Schema:
    attributes, blocks = inner
    block: Schema = {
        "nesting_mode": "single" if kind == "struct" else kind,
        "block": {"attributes": attributes, "block_types": blocks},
        "object": _object(inner, kind),
    }
    if kind != "struct":
        block |= {"max_items": 1} if single else {}
        block |= {"min_items": 1} if member.required else {}
    return block


def _object(inner: tuple[Schema, Schema], kind: str) -> Any:
    attributes, blocks = inner
    members = {name: each["type"] for name, each in attributes.items()}
    of_object = ["object", members | {name: each["object"] for name, each in blocks.items()}]
    return of_object if kind == "struct" else [kind, of_object]


def _described(attribute: Schema, name: str, member: _Member, doc: str) -> Schema:
    for flag in ("required", "optional", "computed"):
        if getattr(member, flag):
            attribute[flag] = True
    if possible := _POSSIBLE.search(doc):
        attribute["possible_values"] = re.findall(r'"([^"]*)"', possible[1])
    if name.endswith("_wo") and re.search("write-only", doc, re.I):
        attribute["write_only"] = True
    if _DEPRECATED.search(doc):
        attribute["deprecated"] = True
    if attribute["type"] == "string" and _SENSITIVE.search(name):
        attribute["sensitive"] = True
    return attribute


def _type(code: str, storage: tuple[str, str] | None) -> Any:
    """The type of an attribute, as Terraform writes it: `string`, `["list", "string"]`."""
    if storage and storage[1] in ("string", "number", "boolean"):
        return _PRIMITIVES.get(storage[1], storage[1])
    if storage and storage[1].endswith(("List", "Map")) and storage[1][0].islower():
        element = re.sub("(List|Map)$", "", storage[1])
        return [storage[0], _PRIMITIVES.get(element, element)]
    if mapped := re.search(r"new cdktn\.(\w+?)(MapList|Map)\(", code):
        of_element = ["map", _PRIMITIVES.get(mapped[1], "dynamic")]
        return ["list", of_element] if mapped[2] == "MapList" else of_element
    if read := re.search(r"this\.get(\w+?)Attribute\(", code):
        if read[1] in _PRIMITIVES:
            return _PRIMITIVES[read[1]]
        if read[1].endswith("Map"):
            return ["map", _PRIMITIVES.get(read[1].removesuffix("Map"), "dynamic")]
        return ["set" if "Fn.tolist" in code else "list", _PRIMITIVES.get(read[1].removesuffix("List"), "string")]
    return "dynamic"


def _cleaned(block: Schema) -> Schema:
    """Without what only the extraction needs."""
    for each in block["block_types"].values():
        each.pop("object", None)
        _cleaned(each["block"])
    return block
