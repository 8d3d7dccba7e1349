//! The file's tree against the table: every mistake with its place, and the values.

use std::sync::Arc;

use super::key::{Key, Kind};
use super::nearest::nearest;
use super::origin::{Origin, Problem};
use super::secret::Secret;
use super::value::{Value, quote, read_header, read_pattern};
use super::values::Values;
use super::yaml::{Broken, Name, Node, Tree};

/// Reads one file's text into values and the mistakes found on the way.
pub(super) struct Reader {
    file: Arc<str>,
    pub(super) problems: Vec<Problem>,
}

impl Reader {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.into(), problems: Vec::new() }
    }

    /// Sets in `values` what the text says.
    pub(super) fn read(&mut self, text: &str, table: &'static [Key], values: &mut Values) {
        match super::yaml::parse(text) {
            Ok(node) => self.section(&node, table, "", "", values),
            Err(Broken { line, column, what }) => self.problem((line, column), "", what),
        }
    }

    /// `prefix` is the path within the table, `path` the one that people see.
    fn section(
        &mut self,
        node: &Node,
        table: &'static [Key],
        prefix: &str,
        path: &str,
        values: &mut Values,
    ) {
        let entries = match &node.tree {
            Tree::Map(entries) => entries,
            Tree::Null => return,
            other => {
                let what = format!("must be a map of keys, not {}", other.describe());
                return self.problem((node.line, node.column), path, what);
            }
        };
        for (name, value) in entries {
            let full = join(prefix, &name.text);
            let shown = join(path, &name.text);
            let dotted = name.text.contains('.');
            if let Some(key) = table.iter().find(|key| !dotted && key.name == full) {
                if let Some(read) = self.value(&key.kind, key.may_be_none(), value, &shown) {
                    values.set(key.name, read, self.origin(value.line, value.column));
                }
            } else if !dotted && table.iter().any(|key| is_within(key.name, &full)) {
                self.section(value, table, &full, &shown, values);
            } else {
                self.unknown(name, table, prefix, &full, &shown);
            }
        }
    }

    fn value(&mut self, kind: &Kind, may_be_none: bool, node: &Node, path: &str) -> Option<Value> {
        let place = (node.line, node.column);
        let outcome = match (kind, &node.tree) {
            (Kind::Refused(reason), _) => Err((*reason).to_owned()),
            (_, Tree::Null) => Err("has no value".to_owned()),
            (_, Tree::Text(text)) if may_be_none && text == "none" => Ok(Value::None),
            (Kind::Rows(table), Tree::List(rows)) => return self.rows(table, rows, path),
            (Kind::Rows(table), Tree::Map(entries)) if table[0].name == "id" => {
                return self.named_rows(table, entries, path);
            }
            (Kind::Headers, Tree::Map(headers)) => return self.headers(headers, path),
            (Kind::Texts | Kind::Patterns | Kind::Words(_), Tree::List(items)) => {
                return self.list(kind, items, path);
            }
            (Kind::Words(_), other) => Err(format!("must be a list, not {}", other.describe())),
            (_, Tree::Text(text)) => Value::read(kind, text),
            (
                Kind::Text | Kind::Path | Kind::File | Kind::Sha256 | Kind::Secret,
                Tree::Number(_),
            ) => Err("is a number here; put it in quotes to make it a text".to_owned()),
            (_, Tree::Number(text)) => Value::read(kind, text),
            (Kind::Switch, Tree::Switch(on)) => Ok(Value::Switch(*on)),
            (kind, other) => {
                Err(format!("must be {}, not {}", a_shape(&kind.shape()), other.describe()))
            }
        };
        outcome.map_err(|what| self.problem(place, path, what)).ok()
    }

    fn rows(&mut self, table: &'static [Key], rows: &[Node], path: &str) -> Option<Value> {
        let before = self.problems.len();
        let mut read = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let path = format!("{path}[{index}]");
            read.extend(self.row(table, row, &path, Values::presets(table)));
        }
        (self.problems.len() == before).then_some(Value::Rows(read))
    }

    /// Rows that stand under their ids.
    fn named_rows(
        &mut self,
        table: &'static [Key],
        entries: &[(Name, Node)],
        path: &str,
    ) -> Option<Value> {
        let before = self.problems.len();
        let mut read = Vec::new();
        for (name, row) in entries {
            let path = join(path, &name.text);
            let mut values = Values::presets(table);
            let origin = self.origin(name.line, name.column);
            values.set(table[0].name, Value::Text(name.text.clone()), origin);
            read.extend(self.row(table, row, &path, values));
        }
        (self.problems.len() == before).then_some(Value::Rows(read))
    }

    fn row(
        &mut self,
        table: &'static [Key],
        row: &Node,
        path: &str,
        mut values: Values,
    ) -> Option<Values> {
        if row.tree == Tree::Null {
            self.problem((row.line, row.column), path, "has no value".to_owned());
            return None;
        }
        let problems = self.problems.len();
        self.section(row, table, "", path, &mut values);
        // A row with a mistake may lack a key only because of it.
        let whole = self.problems.len() == problems;
        for key in table {
            if whole && values.setting(key.name).is_none() {
                let what = format!("needs {}", quote(key.name));
                self.problems.push(self.at((row.line, row.column), path, what));
            }
        }
        Some(values)
    }

    fn headers(&mut self, headers: &[(Name, Node)], path: &str) -> Option<Value> {
        let before = self.problems.len();
        let mut read = Vec::new();
        for (name, node) in headers {
            let (Tree::Text(value) | Tree::Number(value)) = &node.tree else {
                let what = format!("must be a text, not {}", node.tree.describe());
                self.problem((node.line, node.column), &join(path, &name.text), what);
                continue;
            };
            match read_header(&name.text, value) {
                Ok(header) => read.push((header, Secret::new(value))),
                Err(what) => self.problem((name.line, name.column), path, what),
            }
        }
        (self.problems.len() == before).then_some(Value::Headers(read))
    }

    fn list(&mut self, kind: &Kind, items: &[Node], path: &str) -> Option<Value> {
        let before = self.problems.len();
        let (mut texts, mut words) = (Vec::new(), Vec::new());
        for (index, node) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let place = (node.line, node.column);
            let Tree::Text(text) = &node.tree else {
                let what = format!("must be a text, not {}", node.tree.describe());
                self.problem(place, &path, what);
                continue;
            };
            let outcome = match kind {
                Kind::Words(all) => Value::read(&Kind::Word(all), text),
                Kind::Patterns => read_pattern(text),
                _ => Value::read(&Kind::Text, text),
            };
            match outcome {
                Ok(Value::Word(word)) if words.contains(&word) => {
                    self.problem(place, &path, format!("{} stands there twice", quote(word)));
                }
                Ok(Value::Word(word)) => words.push(word),
                Ok(Value::Text(text)) => texts.push(text),
                Ok(other) => unreachable!("a list holds words or texts, not {other:?}"),
                Err(what) => self.problem(place, &path, what),
            }
        }
        if self.problems.len() > before {
            return None;
        }
        Some(if matches!(kind, Kind::Words(_)) { Value::Words(words) } else { Value::Texts(texts) })
    }

    fn unknown(
        &mut self,
        name: &Name,
        table: &'static [Key],
        prefix: &str,
        full: &str,
        shown: &str,
    ) {
        let elsewhere = |key: &Key| key.name == name.text || is_within(key.name, &name.text);
        let advice = if name.text.contains('.') && table.iter().any(|key| key.name == full) {
            "dots are written as nested maps, one key a line".to_owned()
        } else if !prefix.is_empty() && table.iter().any(elsewhere) {
            format!("it does not belong to {}", quote(prefix))
        } else if let Some(near) = nearest(full, table) {
            format!("did you mean {}?", quote(&near))
        } else {
            format!("known here: {}", children(prefix, table).join(", "))
        };
        self.problem(
            (name.line, name.column),
            "",
            format!("unknown key {}; {advice}", quote(shown)),
        );
    }

    fn origin(&self, line: u64, column: u64) -> Origin {
        Origin::File { file: self.file.clone(), line, column }
    }

    fn at(&self, (line, column): (u64, u64), path: &str, what: String) -> Problem {
        Problem { origin: self.origin(line, column), key: path.to_owned(), what }
    }

    fn problem(&mut self, place: (u64, u64), path: &str, what: String) {
        let problem = self.at(place, path, what);
        self.problems.push(problem);
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// The keys and sections directly below a section.
fn children(prefix: &str, table: &[Key]) -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    for key in table {
        let below = match prefix {
            "" => Some(key.name),
            _ => key.name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')),
        };
        let child = below.and_then(|below| below.split('.').next());
        names.extend(child.filter(|child| !names.contains(child)));
    }
    names
}

fn is_within(key: &str, section: &str) -> bool {
    key.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
}

fn a_shape(shape: &str) -> String {
    match shape {
        "true|false" => "true or false".to_owned(),
        "bytes" => "a size such as 64MiB".to_owned(),
        "duration" => "a duration such as 15d".to_owned(),
        shape if shape.contains('|') => format!("one of {}", shape.replace('|', ", ")),
        shape if shape.starts_with(['a', 'U']) => format!("an {shape}"),
        shape => format!("a {shape}"),
    }
}
