//! A light reading of database statements: which operation, on which table.
//!
//! No SQL parser: words, quotes and comments are told apart, and the word behind `FROM`, `INTO`,
//! `UPDATE`, `TABLE` or `JOIN` is the table. What is not understood stays unsaid.

use crate::limits;

/// What a statement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Statement<'a> {
    /// The verb, in upper case where it is SQL's, else as sent.
    pub(super) operation: Option<&'a str>,
    /// The first table named, with its quotes.
    pub(super) table: Option<&'a str>,
}

static VERBS: &[&str] = &[
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "REPLACE",
    "UPSERT",
    "CREATE",
    "DROP",
    "ALTER",
    "TRUNCATE",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "CALL",
    "EXEC",
    "EXECUTE",
    "EXPLAIN",
    "COPY",
    "SET",
    "SHOW",
    "PRAGMA",
    "VACUUM",
    "ANALYZE",
    "LOCK",
    "CONNECT",
    "GET",
    "DEL",
    "HGET",
    "HSET",
    "MGET",
    "INCR",
    "EXPIRE",
    "PING",
];

impl<'a> Statement<'a> {
    /// Reads a statement.
    pub(super) fn read(text: &'a str) -> Self {
        let mut words = Words { rest: head(text) };
        let Some(first) = words.next() else { return Self::default() };
        if first.eq_ignore_ascii_case("with") {
            return Self::behind_with(words);
        }
        let Some(verb) = Self::verb(first) else {
            // Not SQL: a command (`FLUSHDB`) is its own operation.
            let named = first.len() <= 32 && first.bytes().all(|b| b.is_ascii_alphabetic());
            return Self { operation: named.then_some(first), table: None };
        };
        if verb == "EXPLAIN"
            && let Some(explained) =
                words.find_map(|word| Self::verb(word).filter(|verb| *verb != "ANALYZE"))
        {
            return Self { operation: Some(verb), table: table(explained, words) };
        }
        Self { operation: Some(verb), table: table(verb, words) }
    }

    /// Reads a summary (`SELECT orders`): the verb, then its targets.
    pub(super) fn of_summary(text: &'a str) -> Self {
        let mut words = head(text).split_ascii_whitespace();
        let operation = words.next().map(|word| Self::verb(word).unwrap_or(word));
        Self { operation, table: words.next().filter(|word| Self::verb(word).is_none()) }
    }

    /// The verb in its usual form, if the text starts with one.
    pub(super) fn verb(text: &str) -> Option<&'static str> {
        let word = text.split([' ', '\t', '\n', '\r', '(', ';']).next()?;
        VERBS.iter().find(|verb| verb.eq_ignore_ascii_case(word)).copied()
    }

    /// `WITH a AS (…) SELECT …`: the first verb outside parentheses is the statement's.
    fn behind_with(mut words: Words<'a>) -> Self {
        let mut depth = 0_usize;
        while let Some(word) = words.next() {
            match word {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                _ => {
                    if let Some(verb) = Self::verb(word) {
                        return Self { operation: Some(verb), table: table(verb, words) };
                    }
                }
            }
        }
        Self { operation: Some("WITH"), table: None }
    }
}

/// The table that a statement's words name behind its verb.
fn table<'a>(verb: &str, mut words: Words<'a>) -> Option<&'a str> {
    let introduced_by = match verb {
        "UPDATE" | "TRUNCATE" | "LOCK" | "COPY" | "CALL" | "EXEC" | "EXECUTE" => "",
        "INSERT" | "MERGE" | "REPLACE" | "UPSERT" => "into",
        "CREATE" | "DROP" | "ALTER" => "table",
        "SELECT" | "DELETE" => "from",
        _ => return None,
    };
    loop {
        if !introduced_by.is_empty() {
            words.find(|word| word.eq_ignore_ascii_case(introduced_by))?;
        }
        let is_filler = |word: &&str| FILLERS.iter().any(|known| word.eq_ignore_ascii_case(known));
        let name = words.find(|word| !is_filler(word))?;
        if is_name(name) {
            return Some(name);
        }
        // `FROM (SELECT … FROM orders)`: the table stands further in.
        if introduced_by.is_empty() {
            return None;
        }
    }
}

/// Words that may stand before a table's name.
static FILLERS: &[&str] = &["only", "lateral", "table", "if", "not", "exists"];

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '"' | '`' | '[' | '#'))
}

/// The start of a statement that is read at most.
fn head(text: &str) -> &str {
    let mut end = text.len().min(limits::STATEMENT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The words of a statement: names (quoted parts and dots included), numbers and single signs.
/// Comments and text literals are left out.
#[derive(Debug, Clone)]
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn skip_blank(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let behind = if self.rest.starts_with("--") {
                self.rest.find('\n').map(|at| at + 1)
            } else if self.rest.starts_with("/*") {
                self.rest.find("*/").map(|at| at + 2)
            } else if self.rest.starts_with('\'') {
                self.rest[1..].find('\'').map(|at| at + 2)
            } else {
                return;
            };
            self.rest = behind.map_or("", |at| &self.rest[at..]);
        }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.skip_blank();
        let mut closing = None;
        let mut end = self.rest.len();
        for (at, c) in self.rest.char_indices() {
            match (closing, c) {
                (Some(quote), c) => {
                    if c == quote {
                        closing = None;
                    }
                }
                (None, '"' | '`') => closing = Some(c),
                (None, '[') => closing = Some(']'),
                (None, c) if c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '#' | '@') => {}
                (None, c) => {
                    end = if at == 0 { c.len_utf8() } else { at };
                    break;
                }
            }
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operation_and_table_are_read_out_of_statements() {
        for (text, operation, table) in [
            ("SELECT * FROM orders WHERE id = ?", "SELECT", "orders"),
            ("select o.id from \"public\".\"orders\" o", "SELECT", "\"public\".\"orders\""),
            ("SELECT 'from users' FROM orders", "SELECT", "orders"),
            ("SELECT * FROM (SELECT id FROM inner_table) t", "SELECT", "inner_table"),
            ("SELECT 1", "SELECT", "-"),
            ("/* app */ -- why\n INSERT INTO users(name) VALUES (?)", "INSERT", "users"),
            ("UPDATE ONLY accounts SET a = 1", "UPDATE", "accounts"),
            ("DELETE FROM `sessions` WHERE 1", "DELETE", "`sessions`"),
            ("CREATE TABLE IF NOT EXISTS notes (id INT)", "CREATE", "notes"),
            ("WITH r AS (SELECT 1 FROM a) UPDATE b SET c = 1", "UPDATE", "b"),
            ("explain analyze select * from t", "EXPLAIN", "t"),
            ("BEGIN", "BEGIN", "-"),
            ("GET user:1", "GET", "-"),
            ("FLUSHDB", "FLUSHDB", "-"),
            ("{\"find\": \"users\"}", "-", "-"),
            ("SELECT * FROM [dbo].[Orders]", "SELECT", "[dbo].[Orders]"),
            ("SELECT \"unclosed FROM x", "SELECT", "-"),
            ("", "-", "-"),
            ("/* unclosed", "-", "-"),
        ] {
            let read = Statement::read(text);
            let said = (read.operation.unwrap_or("-"), read.table.unwrap_or("-"));
            assert_eq!(said, (operation, table), "{text}");
        }
    }

    #[test]
    fn a_summary_names_verb_and_target() {
        for (text, operation, table) in
            [("SELECT orders", "SELECT", "orders"), ("find", "find", "-"), ("", "-", "-")]
        {
            let read = Statement::of_summary(text);
            let said = (read.operation.unwrap_or("-"), read.table.unwrap_or("-"));
            assert_eq!(said, (operation, table), "{text}");
        }
    }
}
