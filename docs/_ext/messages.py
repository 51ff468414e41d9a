"""The page of messages: every exception and warning with a text in the source, as an entry of docs/messages.md.

As a Sphinx extension it writes the page, and an index for the site's search, before the pages are read. As a program
it prints what it finds: ``python docs/_ext/messages.py --list``.
"""

import ast
import itertools
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "gdfast"
PAGE = ROOT / "docs" / "messages.md"
INDEX = ROOT / "docs" / "_static" / "generated" / "messages.js"
SOURCE = "https://github.com/gdfast/gdfast/blob/main/"

TOPICS = {
    "": "Fit, resume, minimize, plots and compat",
    "_utils": "Arguments and files",
    "options": "Options of fit",
    "data": "Data",
    "formulas": "Formulas",
    "results": "Runs, their files and divergence",
    "backends": "Backends",
    "_core": "The compiled core",
    "solvers": "Solvers",
    "sweeps": "Sweeps and their store",
    "sklearn": "scikit-learn estimators",
    "cli": "The command line",
}
# Where a sentence begins to say what to do, from the surest sign to the weakest.
REMEDIES = [r"; (?!it )(.+)$", r"\. ((?:Try|Lower|Use|Give) .+)$", r"(?:, and|,| and) (must .+)$", r"\b(must .+)$"]
REMEDIES += [r": (try .+)$", r"\b([Cc]onsider .+)$", r"(Scaling .+)$", r"\b(which has <.+)$", r"(Available .+)$"]
REMEDIES += [r"\b(needs .+)$", r"\b(choose .+)$", r"\b(use .+)$", r"\b(expected .+)$"]
# Texts that another message quotes as its reason, and what to do where a text says what is wrong alone.
QUOTED = r"(it|its|the array|unknown names|the state or|the columns of its history|each) "
OTHERWISE = "no argument leads to this error; if you see it, report it"
SCIKIT_LEARNS = "the text is that of scikit-learn; correct what it names"
MOST_ALTERNATIVES = 12
PLACE_OF_ANOTHER = r"[^A-Za-z]*([a-z]+ ?[a-z]* ?: )?"  # what stands beside holes where the text is another error's
WORDS = r"[a-z]+ [a-z]+ [a-z]+"  # how the part of a sentence begins that another function returns
SHOW_THEIR_ARGUMENT = ("float", "int", "join", "repr", "shown", "str")
LIKE_SCIKIT_LEARN = ("sklearn/base.py", "sklearn/sgd.py", "sklearn/updates.py")  # modules of the drop-in classes
# Helpers that raise an error with the first key of a dict whose value is false, and the error.
RAISE_THE_FIRST = {"agree": "FieldError"}


@dataclass(frozen=True)
class Message:
    """One text of one statement that raises or warns."""

    text: str
    kind: str
    module: str
    line: int
    function: str
    cause: str
    condition: str

    @property
    def remedy(self) -> str:
        """Return the part of the text that says what to do or what is allowed."""
        quoted = self.kind == "FieldError" or re.match(QUOTED, self.text)
        for pattern in REMEDIES[:1] if quoted else REMEDIES:
            if found := re.search(pattern, self.text, re.S):
                return found[1].strip()
        if quoted:
            return "another message quotes this text, and says what to do"
        return SCIKIT_LEARNS if self.module.endswith(LIKE_SCIKIT_LEARN) else OTHERWISE

    @property
    def anchor(self) -> str:
        """Return a name that stays the same while the text and its module do."""
        words = re.sub(r"[^a-z0-9]+", "-", re.sub(r"<[^>]*>", "", self.text).lower()).strip("-")
        place = self.module.removeprefix("gdfast/").removesuffix(".py").replace("/", "-").strip("_")
        return f"message-{place}-{self.function}-{words[:60]}".strip("-").lower().replace("_", "-").replace(".", "-")


@dataclass(frozen=True)
class Unread:
    """A statement that raises or warns, and has no text of its own."""

    module: str
    line: int
    code: str
    why: str


@dataclass
class Function:
    """A function's place in the source, with what its names are assigned to."""

    node: ast.FunctionDef | ast.Module
    name: str
    module: "Module"
    assigned: dict[str, list[ast.expr]] = field(default_factory=dict)


@dataclass
class Module:
    """A file of the package."""

    place: str
    tree: ast.Module
    constants: dict[str, ast.expr] = field(default_factory=dict)


class Source:
    """The package's files, with their functions by name."""

    def __init__(self, package: Path = PACKAGE) -> None:
        self.modules: list[Module] = []
        self.constants: dict[str, ast.expr] = {}  # of all modules, for those that are imported
        self.functions: dict[str, list[Function]] = {}
        for path in sorted(package.rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            module = Module(path.relative_to(package.parent).as_posix(), tree)
            for node in tree.body:
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    module.constants[node.targets[0].id] = node.value
                    self.constants.setdefault(node.targets[0].id, node.value)
                elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                    module.constants[node.target.id] = node.value
            self.modules.append(module)
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    self.functions.setdefault(node.name, []).append(made_function(node, module))


def made_function(node: ast.FunctionDef, module: Module) -> Function:
    """Return a function with the values that its names are assigned."""
    function = Function(node, node.name, module)
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assign) and len(inner.targets) == 1:
            assign(function, inner.targets[0], inner.value)
        elif isinstance(inner, ast.AnnAssign | ast.NamedExpr) and inner.value is not None:
            assign(function, inner.target, inner.value)
        elif isinstance(inner, ast.For) and is_items_of_name(inner.iter) and isinstance(inner.target, ast.Tuple):
            value = ast.Subscript(inner.iter.func.value, inner.target.elts[0])
            assign(function, inner.target.elts[1], value)
    for body in bodies(node):
        augment(function, body)
    return function


def is_items_of_name(node: ast.expr) -> bool:
    """Return whether an expression is `NAME.items()`."""
    return isinstance(node, ast.Call) and called_name(node.func) == "items" and isinstance(node.func.value, ast.Name)


def bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """Yield the lists of statements in a function, in the order of the source."""
    for name in ("body", "orelse", "finalbody"):
        if isinstance(body := getattr(node, name, None), list) and body:
            yield body
            for inner in body:
                yield from bodies(inner)


def augment(function: Function, body: list[ast.stmt]) -> None:
    """Note the texts that the statements of a body append: `text += ...` is one more alternative where it is nested.

    Several in one body belong together. Beside the assignment itself, the text without what they append is none.
    """
    appended: dict[str, ast.expr] = {}
    plain = set()
    for statement in body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            plain.add(statement.targets[0].id)
        if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add) and is_text(statement.value):
            name = ast.unparse(statement.target)
            before = appended.get(name)
            appended[name] = ast.BinOp(before, ast.Add(), statement.value) if before else statement.value
    for name, value in appended.items():
        known = function.assigned.get(name, [])
        longer = [ast.BinOp(one, ast.Add(), value) for one in known]
        function.assigned[name] = longer if name in plain else known + longer


def is_text(node: ast.expr) -> bool:
    """Return whether a string is written out in an expression."""
    return any(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in ast.walk(node))


def assign(function: Function, target: ast.expr, value: ast.expr) -> None:
    """Note an assignment, of a tuple element by element."""
    if isinstance(target, ast.Name):
        function.assigned.setdefault(target.id, []).append(value)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, its in zip(target.elts, value.elts, strict=True):
            assign(function, one, its)


class Reader:
    """The texts that an expression can have, with holes by name."""

    def __init__(self, source: Source, function: Function | None, module: Module, depth: int = 0) -> None:
        self.source, self.function, self.module, self.depth = source, function, module, depth

    def texts(self, node: ast.expr) -> list[str] | None:
        """Return the texts of an expression that is one, else None."""
        if self.depth > 6:
            return None
        kind = type(node).__name__
        read = getattr(self, f"of_{kind.lower()}", None)
        found = read(node) if read else None
        return None if found is None else list(dict.fromkeys(found))[:MOST_ALTERNATIVES]

    def deeper(self, function: Function | None = None) -> "Reader":
        """Return a reader of what a name stands for."""
        function = function or self.function
        return Reader(self.source, function, function.module if function else self.module, self.depth + 1)

    def of_constant(self, node: ast.Constant) -> list[str] | None:
        """Read a string."""
        return [node.value] if isinstance(node.value, str) else None

    def of_joinedstr(self, node: ast.JoinedStr) -> list[str]:
        """Read an f-string."""
        parts = []
        for value in node.values:
            if isinstance(value, ast.Constant):
                parts.append([str(value.value)])
            else:
                parts.append(self.hole(value.value))
        return ["".join(choice) for choice in itertools.islice(itertools.product(*parts), MOST_ALTERNATIVES)]

    def hole(self, node: ast.expr) -> list[str]:
        """Return what stands in a hole: its texts, where they are sentences' parts, else its name."""
        if isinstance(node, ast.Call) and called_name(node.func) == "format":
            return self.texts(node) or [hole_name(node)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in SHOW_THEIR_ARGUMENT:
            texts = self.deeper().texts(node) or []
            return texts if texts and all(re.match(WORDS, text) for text in texts) else [hole_name(node)]
        if isinstance(node, ast.IfExp | ast.JoinedStr | ast.Constant | ast.Subscript):
            return self.texts(node) or [hole_name(node)]
        if isinstance(node, ast.Name):
            constant = self.module.constants.get(node.id)
            if isinstance(constant, ast.Constant | ast.JoinedStr):
                return self.deeper().texts(constant) or [hole_name(node)]
            local = self.function.assigned.get(node.id, []) if self.function else []
            sentences = ast.JoinedStr | ast.IfExp | ast.BinOp | ast.Constant
            if (len(local) > 1 and all(isinstance(one, sentences) for one in local)) or (
                len(local) == 1 and isinstance(local[0], ast.Call | ast.BinOp | ast.IfExp)
            ):
                texts = [text for one in local for text in self.deeper().texts(one) or [""]]
                return texts if texts and all(re.match(WORDS, text) for text in texts) else [hole_name(node)]
            if len(local) == 1 and isinstance(local[0], ast.JoinedStr | ast.Constant | ast.Subscript):
                return self.deeper().texts(local[0]) or [hole_name(node)]
        return [hole_name(node)]

    def of_binop(self, node: ast.BinOp) -> list[str] | None:
        """Read a sum of strings."""
        if not isinstance(node.op, ast.Add):
            return None
        left, right = self.texts(node.left), self.texts(node.right)
        if left is None and right is None:
            return None
        left, right = left or [hole_name(node.left)], right or [hole_name(node.right)]
        return [a + b for a, b in itertools.product(left, right)]

    def of_ifexp(self, node: ast.IfExp) -> list[str] | None:
        """Read both sides of a conditional expression."""
        both = [self.texts(side) for side in (node.body, node.orelse)]
        if both == [None, None]:
            return None
        return [
            text
            for side, found in zip((node.body, node.orelse), both, strict=True)
            for text in found or [hole_name(side)]
        ]

    def of_boolop(self, node: ast.BoolOp) -> list[str] | None:
        """Read each side of `or`."""
        found = [self.texts(value) for value in node.values]
        return [text for texts in found if texts for text in texts] or None

    def of_name(self, node: ast.Name) -> list[str] | None:
        """Read what a name is assigned."""
        local = (self.function.assigned.get(node.id) if self.function else None) or []
        values = local or [self.module.constants[node.id]] if node.id in self.module.constants or local else []
        found = [text for value in values for text in self.deeper().texts(value) or []]
        return found or None

    def joined(self, separator: ast.expr, node: ast.expr) -> list[str]:
        """Read the strings of a list that is written out; other lists are a hole."""
        if not (isinstance(node, ast.List) and isinstance(separator, ast.Constant)):
            return [hole_name(node)]
        parts = [self.texts(one) or [hole_name(one)] for one in node.elts]
        return [separator.value.join(choice) for choice in itertools.product(*parts)]

    def of_subscript(self, node: ast.Subscript) -> list[str] | None:
        """Read an entry of a dict of texts."""
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return self.texts_of_dict(node.value, key)

    def texts_of_dict(self, node: ast.expr, key: str | None) -> list[str] | None:
        """Return the texts that a dict of the package holds, at one key or at all."""
        found = self.module.constants.get(node.id) if isinstance(node, ast.Name) else None
        if not isinstance(found, ast.Dict):
            return None
        values = [
            value
            for name, value in zip(found.keys, found.values, strict=True)
            if key is None or (isinstance(name, ast.Constant) and name.value == key)
        ]
        return [text for value in values for text in self.deeper().texts(value) or []] or None

    def of_call(self, node: ast.Call) -> list[str] | None:
        """Return the texts that a function of the package returns, or of the text that a method changes."""
        if isinstance(node.func, ast.Attribute):
            if node.func.attr == "join" and node.args:
                return self.joined(node.func.value, node.args[0])
            if node.func.attr == "format":
                return [re.sub(r"\{(\w+)[^}]*\}", r"<\1>", text) for text in self.texts(node.func.value) or []] or None
            if node.func.attr in ("strip", "rstrip", "replace", "capitalize"):
                return self.texts(node.func.value)
            if node.func.attr == "get":
                values = self.texts_of_dict(node.func.value, None) or []
                return values + (self.texts(node.args[1]) or [] if len(node.args) > 1 else []) or None
            return None
        found: list[str] = []
        known = self.source.functions.get(called_name(node.func), [])
        here = [function for function in known if function.module is self.module]
        for function in here or (known if len(known) == 1 else []):
            for inner in ast.walk(function.node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    found += self.deeper(function).texts(inner.value) or []
        return found or None


def hole_name(node: ast.expr) -> str:
    """Return what a message shows of an expression: its name in angle brackets."""
    while isinstance(node, ast.Call) and called_name(node.func) in SHOW_THEIR_ARGUMENT and node.args:
        node = node.args[0]
    if isinstance(node, ast.Attribute):
        if node.attr == "__name__":
            return "<type>"
        return f"<{node.attr.strip('_')}>"
    if isinstance(node, ast.Name):
        return f"<{node.id}>"
    if isinstance(node, ast.Call):
        name = called_name(node.func)
        if name == "len" and node.args:
            return f"<number of {hole_name(node.args[0]).strip('<>')}>"
        return f"<{name}>"
    if isinstance(node, ast.Subscript):
        return hole_name(node.value)
    if isinstance(node, ast.GeneratorExp | ast.ListComp):
        return hole_name(node.generators[0].iter)
    names = [inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)]
    return f"<{names[0]}>" if names else "<value>"


def called_name(node: ast.expr) -> str:
    """Return the last name of what is called."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    return ""


def is_kind(name: str) -> bool:
    """Return whether a name is that of an exception or a warning."""
    return bool(re.fullmatch(r"[A-Z]\w*(Error|Warning|Interrupt|Exception|Abort|Exit|BadParameter)", name))


def collect(source: Source | None = None) -> tuple[list[Message], list[Unread]]:
    """Return the messages in the source, and the statements that raise or warn without a text of their own."""
    source = source or Source()
    messages: list[Message] = []
    unread: list[Unread] = []
    for module in source.modules:
        for statement, function, test in statements(module.tree, module):
            found = read_statement(statement, function, test, module, source)
            if isinstance(found, Unread):
                unread.append(found)
            else:
                messages += found
    return messages, unread


def statements(tree: ast.AST, module: Module) -> Iterator[tuple[ast.AST, Function | None, ast.expr | None]]:
    """Yield what raises, warns or makes an exception, the function around it, and the test of the nearest `if`."""

    def walk(node: ast.AST, function: Function | None, test: str) -> Iterator[tuple]:
        for child in ast.iter_child_nodes(node):
            inside, its = function, test
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                inside, its = made_function(child, module), ""
            elif isinstance(node, ast.If) and child in node.body:
                its = ast.unparse(node.test)
            elif isinstance(node, ast.If) and child in node.orelse:
                its = f"not ({ast.unparse(node.test)})"
            elif isinstance(child, ast.ExceptHandler) and child.type is not None:
                its = f"{ast.unparse(child.type)} was caught"
            if isinstance(child, ast.Raise):
                if child.exc is not None:
                    yield child, inside, its
                continue
            if isinstance(child, ast.Call) and makes_a_message(child):
                yield child, inside, its
            yield from walk(child, inside, its)

    return walk(tree, None, "")


def makes_a_message(call: ast.Call) -> bool:
    """Return whether a call warns, or makes an exception that is raised elsewhere."""
    name = called_name(call.func)
    if name == "warn" or (name in RAISE_THE_FIRST and isinstance(call.args[0], ast.Dict)):
        return True
    return is_kind(name) and bool(call.args)


def read_statement(
    statement: ast.AST, function: Function | None, test: str, module: Module, source: Source
) -> list[Message] | Unread:
    """Return the messages of a statement, or why it has none."""
    call = statement.exc if isinstance(statement, ast.Raise) else statement
    code = ast.unparse(statement).replace("\n", " ")

    def without(why: str) -> Unread:
        return Unread(module.place, statement.lineno, code if len(code) < 100 else f"{code[:97]}...", why)

    if not isinstance(call, ast.Call):
        if is_kind(called_name(call)):
            return without("an exception without a text")
        return without("an exception that was made or caught elsewhere is raised here")
    name = called_name(call.func)
    if isinstance(call.func, ast.Call):
        return without("an exception of the same class as the one that was caught, with the place before its text")
    if name == "warn":
        kinds = [called_name(argument) for argument in call.args[1:] + [word.value for word in call.keywords]]
        kind = next((one for one in kinds if is_kind(one)), "UserWarning")
    elif is_kind(name) or name in RAISE_THE_FIRST:
        kind = name
    elif name in source.functions:
        return without(f"the exception that {name} makes, whose text is in its own entry")
    else:
        return without("an exception that is made elsewhere")
    if not call.args:
        return without("an exception without a text")
    reader = Reader(source, function, module)
    if name in RAISE_THE_FIRST:
        kind, texts = RAISE_THE_FIRST[name], [text for key in call.args[0].keys for text in reader.texts(key) or []]
    else:  # the text of an OSError comes after its number
        texts = reader.texts(call.args[1 if kind == "OSError" and len(call.args) > 1 else 0])
    if not texts or all(re.fullmatch(PLACE_OF_ANOTHER, re.sub(r"<[^>]*>", "", text)) for text in texts):
        return without("the text of another error, or no sentence")
    node = function.node if function else module.tree
    cause = (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " ")
    where = function.name if function else ""
    return [Message(" ".join(text.split()), kind, module.place, statement.lineno, where, cause, test) for text in texts]


def numbered(messages: list[Message]) -> list[tuple[str, Message]]:
    """Return each message with an anchor of its own; the same text again in one function counts once."""
    seen: dict[tuple[str, str, str], None] = {}
    taken: dict[str, int] = {}
    result = []
    for message in messages:
        if (message.module, message.function, message.text) in seen:
            continue
        seen[message.module, message.function, message.text] = None
        taken[message.anchor] = taken.get(message.anchor, 0) + 1
        number = taken[message.anchor]
        result.append((message.anchor if number == 1 else f"{message.anchor}-{number}", message))
    return result


def topic_of(module: str) -> str:
    """Return the folder of a module below the package."""
    parts = module.split("/")
    return parts[1] if len(parts) > 2 else ""


def literal(text: str) -> str:
    """Return Markdown that shows a text as code."""
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def plain(text: str) -> str:
    """Return Markdown that shows a text as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|$])", r"\\\1", text)


def page(source: Source | None = None) -> str:
    """Return the page of messages in Markdown."""
    messages, unread = collect(source)
    entries = numbered(messages)
    lines = [
        "---",
        "tocdepth: 2",
        "---",
        "",
        "# Messages",
        "",
        "This page lists the texts of all exceptions and warnings of gdfast. It is generated from the source. Parts "
        "that depend on the call are shown by name in angle brackets: `epochs=0` is `<name>=<value>` here.",
        "",
        "To find a message, paste it into the search of this site, which ignores those parts: the entries that it "
        "matches come first. The condition of an entry is the test in the source at which the error is raised.",
        "",
        f"There are {len(entries)} texts in {len({message.module for _, message in entries})} modules.",
        "",
    ]
    for topic, title in TOPICS.items():
        group = [entry for entry in entries if topic_of(entry[1].module) == topic]
        if not group:
            continue
        lines += [f"(messages-{topic.strip('_') or 'top'})=", f"## {title}", ""]
        for module, its in itertools.groupby(group, key=lambda entry: entry[1].module):
            name = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            lines += [f"### {literal(name)}", ""]
            for anchor, message in its:
                lines += shown_entry(anchor, message)
    lines += ["## Statements without a text of their own", ""]
    lines += ["These statements raise what another statement made, or exceptions that carry no text.", ""]
    lines += ["| module | line | statement | what it raises |", "|---|---|---|---|"]
    for one in unread:
        code = one.code.replace("|", "\\|")
        lines.append(f"| {literal(one.module)} | {one.line} | {literal(code)} | {plain(one.why)} |")
    return "\n".join([*lines, ""])


def shown_entry(anchor: str, message: Message) -> list[str]:
    """Return the lines of one entry."""
    cause = plain(message.cause) if message.cause else ""
    where = f"[{literal(message.function or 'module')}]({SOURCE}{message.module}#L{message.line})"
    lines = [f"({anchor})=", "::::{div} gdfast-message", literal(message.text), ""]
    lines.append(f"- **{message.kind}** of {where}{': ' + cause if cause else ''}")
    if message.condition:
        lines.append(f"- **When:** {literal(message.condition)}")
    if message.remedy:
        lines.append(f"- **Remedy:** {plain(message.remedy)}")
    return [*lines, "::::", ""]


def index(source: Source | None = None) -> str:
    """Return the script that holds every text with its anchor, for the search page."""
    messages, _ = collect(source)
    rows = [[anchor, message.kind, message.text] for anchor, message in numbered(messages)]
    return f"window.gdfastMessages = {json.dumps(rows, ensure_ascii=False)};\n"


def write_if_changed(path: Path, text: str) -> None:
    """Write a file unless it holds the text already, so that Sphinx reads only changed pages."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def write(app=None) -> None:
    """Write the page and the index of the search."""
    source = Source()
    write_if_changed(PAGE, page(source))
    write_if_changed(INDEX, index(source))


def add_search(app, pagename, templatename, context, doctree) -> None:
    """Load the index on the search page."""
    if pagename == "search":
        app.add_js_file("generated/messages.js")
        app.add_js_file("search-messages.js")


def setup(app):
    """Connect the extension."""
    app.connect("builder-inited", write)
    app.connect("html-page-context", add_search)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def main() -> None:
    """Print what is found."""
    messages, unread = collect()
    if "--list" not in sys.argv:
        sys.exit("usage: python docs/_ext/messages.py --list")
    for anchor, message in numbered(messages):
        print(f"{message.module}:{message.line} {message.kind} [{anchor}]\n    {message.text}")
    for one in unread:
        print(f"{one.module}:{one.line} without a text: {one.code}\n    {one.why}")
    print(f"{len(numbered(messages))} texts, {len(unread)} statements without one")


if __name__ == "__main__":
    main()
