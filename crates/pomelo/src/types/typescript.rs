//! The table as TypeScript: what `pomelo types` writes. From JSON Schema, as far as Rust types lead to it; what is not
//! understood is `unknown`, never wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde_json::{Map, Value};

use super::{
    schemas::{Direction, REF_PREFIX, Schemas},
    table::{Kind, Table},
};

/// Names that the file or the language has already.
const TAKEN: [&str; 14] = [
    "Array", "Boolean", "Date", "Error", "Map", "Messages", "Number", "Object", "Promise", "Pushes",
    "Record", "Routes", "Set", "String",
];
/// What is put behind the name of a type that is read otherwise than it is written.
const READ_SUFFIX: &str = "Input";
const INDENT: &str = "  ";

/// The whole file.
pub(super) fn write(table: &Table) -> String {
    let names = Names::new(&table.schemas);
    let mut out = String::from(
        "// The messages of this game's servers and clients, written by `pomelo types` from the route table.\n\
         // Not to be edited: change the types in Rust and write it again.\n\n",
    );
    for (name, schema) in names.declarations(&table.schemas) {
        declare(&mut out, &name, schema.1, schema.0);
    }
    out.push_str("/** What clients ask, and what they are answered. */\nexport interface Routes {\n");
    for row in table.of_kind(Kind::Route) {
        let req = names.body(Side::Read, table.schemas.read.bodies.get(&row.name));
        let res = names.body(Side::Written, table.schemas.written.bodies.get(&row.name));
        let _ = writeln!(out, "{INDENT}{}: {{ req: {req}; res: {res} }};", quoted(&row.name));
    }
    out.push_str("}\n\n/** What servers push. */\nexport interface Pushes {\n");
    for row in table.of_kind(Kind::Push) {
        let msg = names.body(Side::Written, table.schemas.written.bodies.get(&row.name));
        let _ = writeln!(out, "{INDENT}{}: {msg};", quoted(&row.name));
    }
    out.push_str(
        "}\n\n/** All of it, for `new Client<Messages>(...)`. */\nexport interface Messages {\n  routes: Routes;\n  pushes: Pushes;\n}\n\n",
    );
    constants(&mut out, table);
    out
}

/// Whether a type is read from requests or written into answers and pushes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Read,
    Written,
}

/// How types are called in TypeScript, on either side.
struct Names {
    read: BTreeMap<String, String>,
    written: BTreeMap<String, String>,
}

/// Writes types of one side.
#[derive(Clone, Copy)]
struct Types<'a> {
    names: &'a BTreeMap<String, String>,
}

impl Names {
    fn new(schemas: &Schemas) -> Self {
        let differing = differing(&schemas.read, &schemas.written);
        let mut taken: BTreeSet<String> = TAKEN.iter().map(|&name| name.to_owned()).collect();
        let mut names = Self { read: BTreeMap::new(), written: BTreeMap::new() };
        for name in schemas.written.types.keys() {
            names.written.insert(name.clone(), free(&identifier(name), &mut taken));
        }
        for name in schemas.read.types.keys() {
            let own = match names.written.get(name) {
                Some(same) if !differing.contains(name) => same.clone(),
                Some(other) => free(&format!("{other}{READ_SUFFIX}"), &mut taken),
                None => free(&identifier(name), &mut taken),
            };
            names.read.insert(name.clone(), own);
        }
        names
    }

    fn of(&self, side: Side) -> Types<'_> {
        Types { names: if side == Side::Read { &self.read } else { &self.written } }
    }

    /// Each type once, by its name in TypeScript.
    fn declarations<'a>(&'a self, schemas: &'a Schemas) -> BTreeMap<String, (Types<'a>, &'a Value)> {
        let sides = [(Side::Read, &schemas.read), (Side::Written, &schemas.written)];
        let all = sides.into_iter().flat_map(|(side, direction)| {
            let types = self.of(side);
            direction.types.iter().map(move |(name, schema)| (types.name(name), (types, schema)))
        });
        all.collect()
    }

    /// The type of a body. Nothing is `void` on both sides: a request without a body is one, an empty answer is nothing to
    /// look at.
    fn body(&self, side: Side, schema: Option<&Value>) -> String {
        match schema {
            None => "unknown".to_owned(),
            Some(schema) if schema["type"] == "null" => "void".to_owned(),
            Some(schema) => self.of(side).of(schema, 1),
        }
    }
}

impl Types<'_> {
    fn name(self, name: &str) -> String {
        self.names.get(name).cloned().unwrap_or_else(|| "unknown".to_owned())
    }

    /// A schema as a type that can stand anywhere in a line but before `[]` or `&`.
    fn of(self, schema: &Value, depth: usize) -> String {
        let Value::Object(schema) = schema else {
            return if *schema == Value::Bool(false) { "never" } else { "unknown" }.to_owned();
        };
        // Keywords beside each other hold all at once.
        let mut parts = Vec::new();
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            parts.push(self.name(name.strip_prefix(REF_PREFIX).unwrap_or(name)));
        }
        for keyword in ["oneOf", "anyOf"] {
            if let Some(Value::Array(choices)) = schema.get(keyword) {
                parts.push(union(choices.iter().map(|choice| self.of(choice, depth))));
            }
        }
        if let Some(Value::Array(all)) = schema.get("allOf") {
            parts.extend(all.iter().map(|part| self.of(part, depth)));
        }
        if let Some(own) = self.own(schema, depth) {
            parts.push(own);
        }
        match parts.as_slice() {
            [] => "unknown".to_owned(),
            [one] => one.clone(),
            many => many.iter().map(|part| grouped(part)).collect::<Vec<_>>().join(" & "),
        }
    }

    /// What a schema says itself, without those it refers to.
    fn own(self, schema: &Map<String, Value>, depth: usize) -> Option<String> {
        if let Some(value) = schema.get("const") {
            return Some(value.to_string());
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            return Some(union(values.iter().map(Value::to_string)));
        }
        match schema.get("type")? {
            Value::Array(kinds) => {
                let kinds = kinds.iter().filter_map(Value::as_str);
                Some(union(kinds.map(|kind| self.of_kind(kind, schema, depth))))
            }
            Value::String(kind) => {
                // Beside a reference or a choice, an object without properties says nothing.
                let bare = kind == "object" && !schema.contains_key("properties") && is_composed(schema);
                (!bare).then(|| self.of_kind(kind, schema, depth))
            }
            _ => None,
        }
    }

    fn of_kind(self, kind: &str, schema: &Map<String, Value>, depth: usize) -> String {
        match kind {
            "string" | "boolean" | "null" => kind.to_owned(),
            "integer" | "number" => "number".to_owned(),
            "array" => self.array(schema, depth),
            "object" => self.object(schema, depth),
            _ => "unknown".to_owned(),
        }
    }

    fn array(self, schema: &Map<String, Value>, depth: usize) -> String {
        if let Some(Value::Array(elements)) = schema.get("prefixItems") {
            let elements: Vec<_> = elements.iter().map(|element| self.of(element, depth)).collect();
            return format!("[{}]", elements.join(", "));
        }
        let element = schema.get("items").map_or_else(|| "unknown".to_owned(), |items| self.of(items, depth));
        format!("{}[]", grouped(&element))
    }

    fn object(self, schema: &Map<String, Value>, depth: usize) -> String {
        let mut parts = Vec::new();
        let fields = schema.get("properties").and_then(Value::as_object).filter(|fields| !fields.is_empty());
        if let Some(fields) = fields {
            let mut out = String::from("{\n");
            self.fields(&mut out, fields, schema, depth);
            let _ = write!(out, "{}}}", INDENT.repeat(depth));
            parts.push(out);
        }
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        let others = schema.get("additionalProperties").filter(|&others| *others != Value::Bool(false));
        if let Some(others) = patterns.and_then(|patterns| patterns.values().next()).or(others) {
            parts.push(format!("Record<string, {}>", self.of(others, depth)));
        }
        if parts.is_empty() { "Record<string, never>".to_owned() } else { parts.join(" & ") }
    }

    fn fields(
        self,
        out: &mut String,
        fields: &Map<String, Value>,
        schema: &Map<String, Value>,
        depth: usize,
    ) {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let indent = INDENT.repeat(depth + 1);
        for (name, field) in fields {
            comment(out, field, &indent);
            let optional = if required.contains(&name.as_str()) { "" } else { "?" };
            let _ = writeln!(out, "{indent}{}{optional}: {};", key(name), self.of(field, depth + 1));
        }
    }
}

/// Types that are not the same on both sides, or name such a type.
fn differing(read: &Direction, written: &Direction) -> BTreeSet<String> {
    let both = read.types.keys().filter(|&name| written.types.contains_key(name));
    let mut found: BTreeSet<String> =
        both.clone().filter(|&name| read.types.get(name) != written.types.get(name)).cloned().collect();
    loop {
        let more: Vec<_> = both
            .clone()
            .filter(|&name| {
                !found.contains(name) && read.types.get(name).is_some_and(|schema| names_one(schema, &found))
            })
            .cloned()
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

fn names_one(schema: &Value, of: &BTreeSet<String>) -> bool {
    match schema {
        Value::Object(members) => members.iter().any(|(key, value)| match value {
            Value::String(name) if key == "$ref" => {
                name.strip_prefix(REF_PREFIX).is_some_and(|name| of.contains(name))
            }
            value => names_one(value, of),
        }),
        Value::Array(elements) => elements.iter().any(|element| names_one(element, of)),
        _ => false,
    }
}

fn declare(out: &mut String, name: &str, schema: &Value, types: Types<'_>) {
    comment(out, schema, "");
    let text = types.of(schema, 0);
    // An interface shows its own name in the messages of editors and compilers.
    let is_plain = schema["type"] == "object"
        && text.starts_with("{\n")
        && !schema.as_object().is_some_and(is_composed)
        && schema.get("additionalProperties").is_none_or(|others| *others == Value::Bool(false));
    let _ = if is_plain {
        writeln!(out, "export interface {name} {text}\n")
    } else {
        writeln!(out, "export type {name} = {text};\n")
    };
}

/// `ROUTES.chat.chatHandler.send`: the names again, for those who don't want to write them.
fn constants(out: &mut String, table: &Table) {
    let mut tree: BTreeMap<&str, BTreeMap<&str, BTreeMap<&str, &str>>> = BTreeMap::new();
    for row in table.of_kind(Kind::Route) {
        let mut parts = row.name.splitn(3, '.');
        let (Some(server), Some(handler), Some(method)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        tree.entry(server).or_default().entry(handler).or_default().insert(method, &row.name);
    }
    out.push_str("/** The names of the routes: server type, handler, method. */\nexport const ROUTES = {\n");
    for (server, handlers) in tree {
        let _ = writeln!(out, "{INDENT}{}: {{", key(server));
        for (handler, methods) in handlers {
            let _ = writeln!(out, "{INDENT}{INDENT}{}: {{", key(handler));
            for (method, name) in methods {
                let _ = writeln!(out, "{INDENT}{INDENT}{INDENT}{}: {},", key(method), quoted(name));
            }
            let _ = writeln!(out, "{INDENT}{INDENT}}},");
        }
        let _ = writeln!(out, "{INDENT}}},");
    }
    out.push_str("} as const;\n");
}

fn comment(out: &mut String, schema: &Value, indent: &str) {
    let Some(text) = schema.get("description").and_then(Value::as_str) else { return };
    let text = text.replace("*/", "*\\/");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let _ = match lines.as_slice() {
        [one] => writeln!(out, "{indent}/** {one} */"),
        many => {
            let many: String =
                many.iter().map(|line| format!("{indent} * {line}").trim_end().to_owned() + "\n").collect();
            writeln!(out, "{indent}/**\n{many}{indent} */")
        }
    };
}

/// Each choice once.
fn union(choices: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = Vec::new();
    for choice in choices {
        if !all.contains(&choice) {
            all.push(choice);
        }
    }
    if all.is_empty() { "never".to_owned() } else { all.join(" | ") }
}

/// A type that can stand before `[]` or `&`.
fn grouped(text: &str) -> String {
    let mut open = 0_i32;
    let is_loose = text.chars().any(|c| {
        match c {
            '{' | '[' | '(' | '<' => open += 1,
            '}' | ']' | ')' | '>' => open -= 1,
            _ => {}
        }
        open == 0 && (c == '|' || c == '&')
    });
    if is_loose { format!("({text})") } else { text.to_owned() }
}

fn is_composed(schema: &Map<String, Value>) -> bool {
    ["$ref", "oneOf", "anyOf", "allOf"].iter().any(|&keyword| schema.contains_key(keyword))
}

/// A name of a member, in quotes if it needs them.
fn key(name: &str) -> String {
    if identifier(name) == name { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The name with what an identifier can't have replaced.
fn identifier(name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '$' { c } else { '_' };
    let text: String = name.chars().map(allowed).collect();
    if text.starts_with(|c: char| c.is_ascii_digit()) || text.is_empty() { format!("_{text}") } else { text }
}

/// The name, or the name with a number if it is taken.
fn free(name: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|n: u32| format!("{name}{n}"));
    let found = std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken.contains(name));
    let found = found.unwrap_or_default();
    taken.insert(found.clone());
    found
}
