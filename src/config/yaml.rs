//! YAML as a tree in which everything knows its place.
//!
//! A key given twice, an alias or an anchor ends the reading: a small file needs neither, and a
//! few aliases of aliases are gigabytes.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Location, Spanned};

use crate::limits;

/// A value and where it begins; lines and columns count from 1.
#[derive(Debug, PartialEq)]
pub(super) struct Node {
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) tree: Tree,
}

/// What stands there.
#[derive(Debug, PartialEq)]
pub(super) enum Tree {
    Null,
    Switch(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Name, Node)>),
}

/// A key of a map.
#[derive(Debug, PartialEq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) line: u64,
    pub(super) column: u64,
}

/// Why a text is no YAML that we take.
#[derive(Debug, PartialEq)]
pub(super) struct Broken {
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) what: String,
}

impl Tree {
    /// What a person would call it.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Switch(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// Reads one document. An empty one is [`Tree::Null`].
pub(super) fn parse(text: &str) -> Result<Node, Broken> {
    if text.len() > limits::CONFIG_BYTES {
        let what = format!("a configuration has at most {} bytes", limits::CONFIG_BYTES);
        return Err(Broken { line: 1, column: 1, what });
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 0,
            max_merge_keys: 0,
            max_depth: limits::CONFIG_DEPTH,
            max_documents: 1,
            max_nodes: limits::CONFIG_NODES,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Node>(text, options).map_err(|error| {
        let (line, column) = error.location().map_or((1, 1), place);
        Broken { line, column, what: message(&error) }
    })
}

fn place(location: Location) -> (u64, u64) {
    (location.line().max(1), location.column().max(1))
}

/// The reader's own message without the place, which is said in front of it.
fn message(error: &serde_saphyr::Error) -> String {
    if let serde_saphyr::Error::Budget { breach, .. } = error {
        return match breach {
            BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. } => {
                "anchors and aliases are not taken here; write the value out".to_owned()
            }
            BudgetBreach::MergeKeys { .. } => "merge keys (<<) are not taken here".to_owned(),
            BudgetBreach::Depth { .. } => "is nested too deeply".to_owned(),
            BudgetBreach::Documents { .. } => "only one document may stand in the file".to_owned(),
            _ => "is too large for a configuration".to_owned(),
        };
    }
    if let serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } = error {
        return format!("the key {} is given twice", super::value::quote(key));
    }
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let end = first.find(" at line ").unwrap_or(first.len());
    first[..end].trim_end_matches([' ', ':', ',']).to_owned()
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Tree>::deserialize(deserializer)?;
        let (line, column) = place(spanned.referenced);
        Ok(Self { line, column, tree: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, on: bool) -> Result<Tree, E> {
        Ok(Tree::Switch(on))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Number(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Number(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Tree, E> {
        Ok(Tree::Number(number.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Tree::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut nodes = Vec::new();
        while let Some((key, node)) = map.next_entry::<Spanned<String>, Node>()? {
            let (line, column) = place(key.referenced);
            nodes.push((Name { text: key.value, line, column }, node));
        }
        Ok(Tree::Map(nodes))
    }
}
