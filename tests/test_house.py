"""The house rules, read from the syntax trees: imports go down only, everything public is told, files stay small."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

import tnsim
from tnsim.models import ARCHITECTURES

ROOT = Path(tnsim.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# From the ground up; a module may import from its own layer and those before it. Modules not named here are refused.
LAYERS = (
    ("network", "memory", "files", "tensor_file", "optional", "parsing", "surroundings", "modular"),
    ("banks",),
    ("architectures",),
    ("partitions", "partition_files"),
    ("interop",),
    ("circuits",),
    ("contract",),
    ("distributed",),
    ("bounds",),
    ("entanglement",),
    ("compression",),
    ("canonical",),
    ("boundary",),
    ("physics",),
    ("correlations",),
    ("models",),
    ("nn",),
    ("train",),
    ("tasks",),
    ("design",),
    ("experiments",),
    ("report",),
    ("explore",),
    ("bounding", "demo", "designing"),
    ("bench",),
    ("cli",),
)
DOORS = ("tnsim", "tnsim.__init__", "tnsim.__main__")  # the front door opens all of them

LINES, ARGUMENTS, METHODS, BODY = 400, 7, 15, 25


def name_of(path):
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)


MODULES = {name_of(path).removesuffix(".__init__") for path in FILES}


def layer_of(module):
    """Number of a module's layer, "tnsim.contract.fold" being of "contract"."""
    part = module.split(".")[1]
    found = [number for number, names in enumerate(LAYERS) if part in names]
    assert found, f"{module}: put {part!r} into a layer of tests/test_house.py"
    return found[0]


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(node):
    """Modules of tnsim that an import names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.split(".")[0] == "tnsim"]
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tnsim":
        return [full if (full := f"{node.module}.{alias.name}") in MODULES or node.module == "tnsim" else node.module
                for alias in node.names]  # fmt: skip
    return []


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_go_down(path):
    module = name_of(path)
    for node in ast.walk(tree(path)) if module not in DOORS else []:
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{module}:{node.lineno} imports relatively"
        for name in imported(node):
            if name in ("tnsim.__version__", "tnsim.__main__"):
                continue
            assert name != "tnsim", f"{module}:{node.lineno} imports the front door"
            assert layer_of(name) <= layer_of(module), f"{module}:{node.lineno} imports {name}, which stands above it"


# What is common to architectures, for measures to lean on; a measure that names one of them exists once too often.
COMMON = {f"tnsim.architectures.{name}" for name in ("canonical", "geometry", "grid", "layered", "starts")}
MEASURES = (
    "partitions", "circuits", "contract", "distributed", "bounds", "entanglement", "canonical", "boundary", "physics",
    "correlations", "design", "report",
)  # fmt: skip
THEOREMS = "tnsim.bounds.relatives"  # of papers, each about one architecture


@pytest.mark.parametrize("path", [path for path in FILES if name_of(path).split(".")[1] in MEASURES], ids=name_of)
def test_no_measure_names_an_architecture(path):
    module, doors = name_of(path), ("architectures", "models", "nn")
    for node in ast.walk(tree(path)) if not module.startswith(THEOREMS) else []:
        for name in set(imported(node)) - COMMON:
            assert name.split(".")[1] not in doors, f"{module}:{node.lineno} names {name}"


NAMED = {*ARCHITECTURES, *(f"{name}Architecture" for name in ARCHITECTURES), "GenerativeConvAC"}


def names_an_architecture(path):
    """Whether a file imports an architecture or a module of one, or reaches for it by an attribute."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and node.attr in NAMED:
            return True
        below = imported(node)
        if any(name.startswith("tnsim.architectures.") for name in set(below) - COMMON):
            return True
        if below and NAMED & {alias.name for alias in node.names}:
            return True
    return False


def test_who_names_an_architecture_is_on_the_list_with_a_reason():
    page = (ROOT.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.split("## Who names an architecture")[1].split("\n## ")[0]
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| `")]
    listed = {file for files, why in rows for file in re.findall(r"`([^`]+\.py)`", files) if why.strip()}
    others = [path for path in FILES if name_of(path) not in DOORS]
    found = {path.relative_to(ROOT).as_posix() for path in others if names_an_architecture(path)}
    assert {file for file in found if not file.startswith(("architectures/", "interop/"))} == listed


def test_no_two_modules_import_each_other():
    edges = {
        name_of(path).removesuffix(".__init__"): {name for node in ast.walk(tree(path)) for name in imported(node)}
        for path in FILES if name_of(path) not in DOORS
    }  # fmt: skip
    while leaves := [module for module, below in edges.items() if not below & edges.keys() - {module}]:
        for module in leaves:
            del edges[module]
    assert not edges, f"a circle of imports among {sorted(edges)}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_function_imports(path):
    for function in functions(tree(path)):
        for node in ast.walk(function):
            assert not isinstance(node, (ast.Import, ast.ImportFrom)), (
                f"{name_of(path)}:{node.lineno} imports in a function"
            )


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_signatures_stay_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < LINES
    for function in functions(tree(path)):
        given = function.args
        count = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
        own = count - (bool(given.args) and given.args[0].arg in ("self", "cls"))
        assert own <= ARGUMENTS or is_command(function), (
            f"{name_of(path)}:{function.lineno} {function.name} takes {own} arguments"
        )


def is_command(function):
    """A command of the command line: its options are the user's, and each is a parameter."""
    return any("command" in ast.unparse(decorator) for decorator in function.decorator_list)


def test_nine_of_ten_functions_are_short():
    lengths = sorted(f.body[-1].end_lineno - f.body[0].lineno + 1 for path in FILES for f in functions(tree(path)))
    assert lengths[int(0.9 * len(lengths))] <= BODY


def public(body):
    """Public classes and functions of a body."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node for node in body if isinstance(node, kinds) and not node.name.startswith("_")]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_modules_and_classes_are_told_and_stay_small(path):
    module = tree(path)
    if path.read_text(encoding="utf-8").strip():
        assert ast.get_docstring(module), f"{name_of(path)} has no docstring"
    for node in (node for node in public(module.body) if isinstance(node, ast.ClassDef)):
        methods = [f for f in node.body if isinstance(f, ast.FunctionDef)]
        assert len(methods) <= METHODS + 5, f"{name_of(path)}: {node.name} has {len(methods)} methods"


PACKAGES = [path for path in FILES if path.name == "__init__.py" and path.read_text(encoding="utf-8").strip()]


def exported(path):
    """The names in __all__, and the names that the file binds at its top."""
    listed, bound = [], []
    for node in tree(path).body:
        if isinstance(node, ast.ImportFrom):
            bound += [alias.asname or alias.name for alias in node.names if node.module != "__future__"]
        elif isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            listed = ast.literal_eval(node.value)
    return listed, bound


@pytest.mark.parametrize("path", PACKAGES, ids=name_of)
def test_what_a_package_binds_is_in_its_all_in_order(path):
    listed, bound = exported(path)
    assert set(listed) == set(bound), f"{name_of(path)}: __all__ and the imports differ"
    order = [(not name.isupper(), name) for name in listed]  # constants first
    assert all(one <= other for one, other in pairwise(order)), f"{name_of(path)}: __all__ is not sorted"


def own_docstring(node):
    """A docstring, also one that a class takes over by `__doc__ = Other.__doc__`."""
    taken = any(isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__doc__" for n in node.body)
    return ast.get_docstring(node) or taken


EXPORTED = {name for path in PACKAGES for name in exported(path)[0]}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_exported_name_and_its_methods_are_told(path):
    for node in public(tree(path).body):
        if node.name in EXPORTED:
            assert own_docstring(node), f"{name_of(path)}: {node.name} has no docstring"
            for method in public(node.body) if isinstance(node, ast.ClassDef) else []:
                if any(getattr(mark, "id", "") == "overload" for mark in method.decorator_list):
                    continue  # the one that runs is told
                assert own_docstring(method), f"{name_of(path)}: {node.name}.{method.name} has no docstring"
